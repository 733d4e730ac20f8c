// Preloaded into a gate: makes the n-th call fail that touches a file below FAILING_FOLDER, counted over the
// whole process. FAILING_CONTROL names a file of four 64-bit numbers, shared with the test: calls left until the
// failure (0: none fails), calls seen, failures so far, errno of the failure.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile int64_t* control;
static const char* folder;
static size_t folder_size;

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("FAILING_CONTROL");
  folder = getenv("FAILING_FOLDER");
  if (path == NULL || folder == NULL) return;
  folder_size = strlen(folder);
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  void* memory = mmap(NULL, 32, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) abort();
  control = memory;
}

static int below(const char* path) {
  return control != NULL && path != NULL && strncmp(path, folder, folder_size) == 0;
}

static int fails(int ours) {
  if (!ours) return 0;
  __atomic_add_fetch(&control[1], 1, __ATOMIC_SEQ_CST);
  int64_t left = __atomic_load_n(&control[0], __ATOMIC_SEQ_CST);
  while (left > 0 && !__atomic_compare_exchange_n(&control[0], &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  if (left != 1) return 0;
  __atomic_add_fetch(&control[2], 1, __ATOMIC_SEQ_CST);
  errno = (int)control[3];
  return 1;
}

static int file(int fd) {
  char link[64], target[PATH_MAX];
  if (control == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, target, sizeof target - 1);
  if (size < 0) return 0;
  target[size] = 0;
  return below(target);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                \
  int name(const char* path, int flags, ...) {                    \
    va_list more;                                                 \
    va_start(more, flags);                                        \
    const mode_t mode = va_arg(more, mode_t);                     \
    va_end(more);                                                 \
    return fails(below(path)) ? -1 : NEXT(name)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define ON_FILE(type, name, parameters, arguments)                     \
  type name parameters {                                               \
    const int kept = errno;                                            \
    const int bad = fails(file(fd));                                   \
    if (!bad) errno = kept;                                            \
    return bad ? -1 : NEXT(name) arguments;                            \
  }
ON_FILE(ssize_t, read, (int fd, void* data, size_t size), (fd, data, size))
ON_FILE(ssize_t, pread, (int fd, void* data, size_t size, off_t at), (fd, data, size, at))
ON_FILE(ssize_t, pread64, (int fd, void* data, size_t size, off64_t at), (fd, data, size, at))
ON_FILE(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
ON_FILE(ssize_t, pwrite, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at))
ON_FILE(ssize_t, pwrite64, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at))
ON_FILE(ssize_t, writev, (int fd, const struct iovec* parts, int count), (fd, parts, count))
ON_FILE(int, fsync, (int fd), (fd))
ON_FILE(int, fdatasync, (int fd), (fd))
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FILE(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))

#define ON_PATH(name, parameters, arguments)                    \
  int name parameters { return fails(below(path)) ? -1 : NEXT(name) arguments; }
ON_PATH(rename, (const char* path, const char* to), (path, to))
ON_PATH(unlink, (const char* path), (path))
ON_PATH(mkdir, (const char* path, mode_t mode), (path, mode))

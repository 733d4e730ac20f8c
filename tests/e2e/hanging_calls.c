// Preloaded into a gate: getaddrinfo() of "silent.example" never returns, nor does a sync of a file while the
// file named by HANGING_SYNC exists. The file HANGING_SEEN is made when a call hangs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void hang(void) {
  const char* seen = getenv("HANGING_SEEN");
  if (seen != NULL) close(open(seen, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (;;) pause();
}

int getaddrinfo(const char* host, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  if (host != NULL && strcmp(host, "silent.example") == 0) hang();
  return NEXT(getaddrinfo)(host, service, hints, found);
}

static void sync_hangs(void) {
  const char* path = getenv("HANGING_SYNC");
  if (path != NULL && access(path, F_OK) == 0) hang();
}

int fsync(int fd) {
  sync_hangs();
  return NEXT(fsync)(fd);
}

int fdatasync(int fd) {
  sync_hangs();
  return NEXT(fdatasync)(fd);
}

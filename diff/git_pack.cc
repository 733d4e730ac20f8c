#include "diff/git_pack.h"

#include <git2/commit.h>
#include <git2/errors.h>
#include <git2/odb.h>
#include <git2/odb_backend.h>
#include <git2/oid.h>
#include <git2/repository.h>
#include <git2/sys/mempack.h>
#include <git2/tree.h>
#include <libdeflate.h>

#include <memory>
#include <optional>

namespace npmgate {
namespace {

constexpr std::size_t kHeader = 12;  // "PACK", version, number of objects
constexpr std::size_t kChecksum = 20;
constexpr int kOffsetDelta = 6, kIdDelta = 7;
constexpr std::size_t kRawId = 20;
// git itself writes chains of at most 4,095 (pack.depth).
constexpr int kMaxPasses = 64;
constexpr int kMaxDepth = 256;  // of folders

Error malformed(const std::string& what) {
  return fail(Code::kMalformed, Origin::kUpstream, "the pack cannot be read: " + what);
}
Error too_large(const std::string& what) {
  return fail(Code::kTooLarge, Origin::kUpstream, "the source is too large: " + what);
}

// What is left of a pack or a delta; reading beyond its end makes it fail for good.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : text_(text) {}
  unsigned byte() {
    if (text_.empty()) failed_ = true;
    if (failed_) return 0;
    const auto value = static_cast<unsigned char>(text_.front());
    text_.remove_prefix(1);
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > text_.size()) failed_ = true;
    if (failed_) return {};
    const std::string_view piece = text_.substr(0, size);
    text_.remove_prefix(size);
    return piece;
  }
  std::string_view rest() const { return text_; }
  bool failed() const { return failed_; }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
  bool failed_ = false;
};

// Seven bits a byte, the lowest first; `value` and `shift` are what a first byte gave already.
std::optional<std::uint64_t> read_size(Bytes& from, bool more, std::uint64_t value, int shift) {
  while (more) {
    if (shift > 56) return std::nullopt;
    const unsigned byte = from.byte();
    value |= std::uint64_t{byte & 0x7f} << shift;
    shift += 7;
    more = (byte & 0x80) != 0;
  }
  return value;
}

// Seven bits a byte, the highest first, each further one adding one more (gitformat-pack).
std::optional<std::uint64_t> read_distance(Bytes& from) {
  unsigned byte = from.byte();
  std::uint64_t value = byte & 0x7f;
  while ((byte & 0x80) != 0) {
    if (value >= std::uint64_t{1} << 48) return std::nullopt;
    byte = from.byte();
    value = ((value + 1) << 7) | (byte & 0x7f);
  }
  return value;
}

// gitformat-pack, "deltified representation". nullopt: it does not make exactly what it says.
std::optional<std::string> apply_delta(std::string_view base, std::string_view delta,
                                       std::size_t limit) {
  Bytes from(delta);
  const auto base_size = read_size(from, true, 0, 0);
  const auto size = read_size(from, true, 0, 0);
  if (!base_size || !size || *base_size != base.size() || *size > limit) return std::nullopt;
  std::string out;
  out.reserve(static_cast<std::size_t>(*size));
  while (!from.done()) {
    const unsigned op = from.byte();
    if ((op & 0x80) == 0) {
      if (op == 0) return std::nullopt;
      out += from.take(op);
    } else {
      std::size_t offset = 0, length = 0;
      for (int i = 0; i < 4; ++i)
        if ((op & (1u << i)) != 0) offset |= std::size_t{from.byte()} << (8 * i);
      for (int i = 0; i < 3; ++i)
        if ((op & (16u << i)) != 0) length |= std::size_t{from.byte()} << (8 * i);
      if (length == 0) length = 0x10000;
      if (offset > base.size() || length > base.size() - offset) return std::nullopt;
      out += base.substr(offset, length);
    }
    if (from.failed() || out.size() > *size) return std::nullopt;
  }
  if (from.failed() || out.size() != *size) return std::nullopt;
  return out;
}

std::string object_id(GitObjectKind kind, std::string_view body) {
  git_oid id;
  if (git_odb_hash(&id, body.data(), body.size(), static_cast<git_object_t>(kind)) != 0) return {};
  char text[GIT_OID_HEXSZ];
  git_oid_fmt(text, &id);
  return {text, sizeof text};
}

struct DecompressorFree {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

class PackReader {
 public:
  PackReader(std::span<const std::byte> pack, const PackLimits& limits)
      : all_(reinterpret_cast<const char*>(pack.data()), pack.size()),
        limits_(limits),
        inflater_(libdeflate_alloc_decompressor()) {}

  Result<GitObjects> read() {
    if (!inflater_) throw std::bad_alloc();
    if (all_.size() < kHeader + kChecksum || !all_.starts_with(std::string_view("PACK\0\0\0\2", 8)))
      return malformed("it is no packfile of version 2");
    std::size_t count = 0;
    for (std::size_t i = 8; i < kHeader; ++i)
      count = count << 8 | static_cast<unsigned char>(all_[i]);
    if (count > limits_.max_objects) return too_large(std::to_string(count) + " objects");
    Bytes from(all_.substr(kHeader, all_.size() - kHeader - kChecksum));
    for (std::size_t i = 0; i < count; ++i) {
      if (auto good = read_entry(from); !good) return good.error();
    }
    if (!from.done()) return malformed("something follows its objects");
    if (auto good = resolve_waiting(); !good) return good.error();
    return std::move(objects_);
  }

 private:
  struct Waiting {  // a delta whose base comes later
    std::string base, delta;
    std::size_t offset = 0;
  };

  Result<std::string> inflate(Bytes& from, std::uint64_t size) {
    if (size > limits_.max_object)
      return too_large("an object of " + std::to_string(size) + " bytes");
    if (auto good = account(size); !good) return good.error();
    std::string out(static_cast<std::size_t>(size), '\0');
    std::size_t used = 0;
    const auto done =
        libdeflate_zlib_decompress_ex(inflater_.get(), from.rest().data(), from.rest().size(),
                                      out.data(), out.size(), &used, nullptr);
    if (done != LIBDEFLATE_SUCCESS) return malformed("an object does not inflate to its size");
    from.take(used);
    return out;
  }

  Result<void> account(std::uint64_t size) {
    if (size > limits_.max_inflated - inflated_)
      return too_large("more than " + std::to_string(limits_.max_inflated >> 20) + " MiB inflated");
    inflated_ += static_cast<std::size_t>(size);
    return {};
  }

  Result<void> read_entry(Bytes& from) {
    const std::size_t offset = all_.size() - kChecksum - from.rest().size();
    const unsigned first = from.byte();
    const int type = static_cast<int>(first >> 4 & 7);
    const auto size = read_size(from, (first & 0x80) != 0, first & 0xf, 4);
    if (from.failed() || !size) return malformed("it ends within an object");
    if (type >= 1 && type <= 4) {
      auto body = inflate(from, *size);
      if (!body) return body.error();
      return keep(static_cast<GitObjectKind>(type), std::move(*body), offset);
    }
    std::string base;
    if (type == kOffsetDelta) {
      const auto distance = read_distance(from);
      if (!distance || *distance == 0 || *distance > offset) return malformed("a delta of nothing");
      const auto at = ids_.find(offset - static_cast<std::size_t>(*distance));
      if (at == ids_.end()) {
        // Its base is itself a delta that waits.
        base = "@" + std::to_string(offset - static_cast<std::size_t>(*distance));
      } else {
        base = at->second;
      }
    } else if (type == kIdDelta) {
      const std::string_view raw = from.take(kRawId);
      if (from.failed()) return malformed("it ends within an object");
      git_oid id;
      git_oid_fromraw(&id, reinterpret_cast<const unsigned char*>(raw.data()));
      char text[GIT_OID_HEXSZ];
      git_oid_fmt(text, &id);
      base.assign(text, sizeof text);
    } else {
      return malformed("an object of no known kind");
    }
    auto delta = inflate(from, *size);
    if (!delta) return delta.error();
    auto made = try_delta(base, *delta, offset);
    if (!made) return made.error();
    if (!*made) waiting_.push_back({std::move(base), std::move(*delta), offset});
    return {};
  }

  // False: its base is not there yet.
  Result<bool> try_delta(const std::string& base, const std::string& delta, std::size_t offset) {
    std::string_view id = base;
    if (base.starts_with('@')) {
      const auto at = ids_.find(static_cast<std::size_t>(std::stoull(base.substr(1))));
      if (at == ids_.end()) return false;
      id = at->second;
    }
    const auto found = objects_.find(id);
    if (found == objects_.end()) return false;
    Bytes head(delta);
    read_size(head, true, 0, 0);
    const auto size = read_size(head, true, 0, 0);
    if (head.failed() || !size) return malformed("a delta that makes nothing");
    if (*size > limits_.max_object)
      return too_large("an object of " + std::to_string(*size) + " bytes");
    if (auto good = account(*size); !good) return good.error();
    auto body = apply_delta(found->second.body, delta, limits_.max_object);
    if (!body) return malformed("a delta that does not fit its base");
    if (auto kept = keep(found->second.kind, std::move(*body), offset); !kept) return kept.error();
    return true;
  }

  Result<void> resolve_waiting() {
    for (int pass = 0; pass < kMaxPasses && !waiting_.empty(); ++pass) {
      std::vector<Waiting> still;
      for (Waiting& each : waiting_) {
        auto made = try_delta(each.base, each.delta, each.offset);
        if (!made) return made.error();
        if (!*made) still.push_back(std::move(each));
      }
      if (still.size() == waiting_.size()) break;
      waiting_ = std::move(still);
    }
    if (!waiting_.empty()) return malformed("a delta of something that is not in it");
    return {};
  }

  Result<void> keep(GitObjectKind kind, std::string body, std::size_t offset) {
    std::string id = object_id(kind, body);
    if (id.empty()) return malformed("an object that has no id");
    ids_.emplace(offset, id);
    objects_.insert_or_assign(std::move(id), GitObject{kind, std::move(body)});
    return {};
  }

  const std::string_view all_;
  const PackLimits& limits_;
  const std::unique_ptr<libdeflate_decompressor, DecompressorFree> inflater_;
  std::size_t inflated_ = 0;
  std::map<std::size_t, std::string> ids_;  // by the offset of an entry
  GitObjects objects_;
  std::vector<Waiting> waiting_;
};

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* value) const {
    free(value);
  }
};
using OdbPtr = std::unique_ptr<git_odb, Freed<git_odb_free>>;
using RepositoryPtr = std::unique_ptr<git_repository, Freed<git_repository_free>>;
using CommitPtr = std::unique_ptr<git_commit, Freed<git_commit_free>>;
using TreePtr = std::unique_ptr<git_tree, Freed<git_tree_free>>;

// A repository that has `objects` in memory and nothing else.
class MemoryRepository {
 public:
  Result<void> open(const GitObjects& objects) {
    git_odb* odb = nullptr;
    git_odb_backend* memory = nullptr;
    git_repository* repository = nullptr;
    if (git_odb_new(&odb) != 0 || git_mempack_new(&memory) != 0) throw std::bad_alloc();
    odb_.reset(odb);
    if (git_odb_add_backend(odb, memory, 1) != 0 || git_repository_wrap_odb(&repository, odb) != 0)
      throw std::bad_alloc();
    repository_.reset(repository);
    for (const auto& [id, object] : objects) {
      git_oid written;
      if (object.kind == GitObjectKind::kBlob || object.kind == GitObjectKind::kTag) continue;
      if (git_odb_write(&written, odb, object.body.data(), object.body.size(),
                        static_cast<git_object_t>(object.kind)) != 0)
        return malformed("an object cannot be kept");
    }
    return {};
  }

  Result<SourceFiles> files(const std::string& commit, const PackLimits& limits) {
    git_oid id;
    git_commit* found = nullptr;
    if (git_oid_fromstr(&id, commit.c_str()) != 0 ||
        git_commit_lookup(&found, repository_.get(), &id) != 0)
      return malformed("it does not hold the commit that was asked for");
    const CommitPtr held(found);
    SourceFiles files;
    if (auto good = walk(*git_commit_tree_id(found), "", 0, limits, files); !good)
      return good.error();
    return files;
  }

 private:
  Result<void> walk(const git_oid& id, const std::string& folder, int depth,
                    const PackLimits& limits, SourceFiles& files) {
    git_tree* found = nullptr;
    if (depth > kMaxDepth || git_tree_lookup(&found, repository_.get(), &id) != 0)
      return malformed("it does not hold the tree of folder '" + folder.substr(0, 100) + "'");
    const TreePtr tree(found);
    const std::size_t count = git_tree_entrycount(found);
    for (std::size_t i = 0; i < count; ++i) {
      const git_tree_entry* const entry = git_tree_entry_byindex(found, i);
      const std::string path = folder + git_tree_entry_name(entry);
      if (path.size() > limits.max_path) return too_large("a path of more than 4 KiB");
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_TREE) {
        if (++folders_ > limits.max_objects) return too_large("too many folders");
        if (auto good = walk(*git_tree_entry_id(entry), path + "/", depth + 1, limits, files);
            !good)
          return good.error();
      } else if (mode != GIT_FILEMODE_COMMIT) {
        if (files.size() >= limits.max_files) return too_large("too many files");
        char text[GIT_OID_HEXSZ];
        git_oid_fmt(text, git_tree_entry_id(entry));
        files.insert_or_assign(path, std::string(text, sizeof text));
      }
    }
    return {};
  }

  OdbPtr odb_;
  RepositoryPtr repository_;
  std::size_t folders_ = 0;
};

}  // namespace

Result<GitObjects> read_pack(std::span<const std::byte> pack, const PackLimits& limits) {
  return PackReader(pack, limits).read();
}

std::string blob_id(std::string_view body) {
  return object_id(GitObjectKind::kBlob, body);
}

Result<SourceFiles> files_of_commit(const GitObjects& objects, const std::string& commit,
                                    const PackLimits& limits) {
  MemoryRepository repository;
  if (auto opened = repository.open(objects); !opened) return opened.error();
  return repository.files(commit, limits);
}

}  // namespace npmgate

#include "tests/diff/pack_builder.h"

#include <map>
#include <span>

namespace npmgate::testing {
namespace {

std::string raw(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

std::string big_endian(std::size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

std::string delta_size(std::size_t size) {
  std::string out;
  for (; size >= 0x80; size >>= 7) out += static_cast<char>((size & 0x7f) | 0x80);
  return out + static_cast<char>(size);
}

// The id of the tree of `files` ("a/b" -> blob id); its objects are added to `entries`.
std::string add_tree(const std::map<std::string, std::string>& files,
                     std::vector<std::string>& entries) {
  std::map<std::string, std::map<std::string, std::string>> folders;
  std::map<std::string, std::string> lines;  // in git's order: a folder's name ends in '/'
  for (const auto& [path, id] : files) {
    const std::size_t slash = path.find('/');
    if (slash == path.npos) {
      lines[path] = tree_entry("100644", path, id);
    } else {
      folders[path.substr(0, slash)][path.substr(slash + 1)] = id;
    }
  }
  for (const auto& [name, inside] : folders)
    lines[name + "/"] = tree_entry("40000", name, add_tree(inside, entries));
  std::string body;
  for (const auto& [name, line] : lines) body += line;
  entries.push_back(pack_entry(GitObjectKind::kTree, body));
  return id_of(GitObjectKind::kTree, body);
}

}  // namespace

std::string zlib_stored(std::string_view body) {
  std::string out = "\x78\x01";
  std::uint32_t a = 1, b = 0;
  for (const char c : body) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  do {
    const std::string_view block = body.substr(0, 0xffff);
    body.remove_prefix(block.size());
    const auto size = static_cast<unsigned>(block.size());
    out += static_cast<char>(body.empty() ? 1 : 0);
    for (const unsigned value : {size, ~size}) {
      out += static_cast<char>(value & 0xff);
      out += static_cast<char>(value >> 8 & 0xff);
    }
    out += block;
  } while (!body.empty());
  return out + big_endian(b << 16 | a);
}

std::string entry_head(int kind, std::size_t size) {
  std::string out;
  std::size_t rest = size >> 4;
  out += static_cast<char>((rest != 0 ? 0x80 : 0) | kind << 4 | static_cast<int>(size & 15));
  for (; rest != 0; rest >>= 7)
    out += static_cast<char>((rest >> 7 != 0 ? 0x80 : 0) | (rest & 0x7f));
  return out;
}

std::string pack_entry(GitObjectKind kind, std::string_view body) {
  return entry_head(static_cast<int>(kind), body.size()) + zlib_stored(body);
}

std::string offset_delta(std::size_t distance, std::string_view delta) {
  std::string back(1, static_cast<char>(distance & 0x7f));
  while ((distance >>= 7) != 0) {
    --distance;
    back.insert(back.begin(), static_cast<char>(0x80 | (distance & 0x7f)));
  }
  return entry_head(6, delta.size()) + back + zlib_stored(delta);
}

std::string id_delta(std::string_view id, std::string_view delta) {
  return entry_head(7, delta.size()) + raw(id) + zlib_stored(delta);
}

std::string copy_and_add(std::size_t base_size, std::size_t offset, std::size_t size,
                         std::string_view more) {
  std::string out = delta_size(base_size) + delta_size(size + more.size());
  out += static_cast<char>(0x80 | 0x01 | 0x02 | 0x10 | 0x20);
  for (const std::size_t value : {offset, size}) {
    out += static_cast<char>(value & 0xff);
    out += static_cast<char>(value >> 8 & 0xff);
  }
  if (!more.empty()) out += static_cast<char>(more.size());
  return out + std::string(more);
}

std::string pack_of(const std::vector<std::string>& entries) {
  std::string out = "PACK" + big_endian(2) + big_endian(entries.size());
  for (const std::string& entry : entries) out += entry;
  return out + std::string(20, 'c');
}

std::string id_of(GitObjectKind kind, std::string_view body) {
  const std::string pack = pack_of({pack_entry(kind, body)});
  const auto objects = read_pack(std::as_bytes(std::span(pack)), {});
  return objects ? objects->begin()->first : std::string();
}

std::string tree_entry(std::string_view mode, std::string_view name, std::string_view id) {
  return std::string(mode) + " " + std::string(name) + std::string(1, '\0') + raw(id);
}

std::string commit_of(std::string_view tree) {
  return "tree " + std::string(tree) +
         "\nauthor a <a@git.example> 1700000000 +0000\ncommitter a <a@git.example> 1700000000 "
         "+0000\n\nwork\n";
}

MadeSource source_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::map<std::string, std::string> ids;
  for (const auto& [path, body] : files) ids[path] = blob_id(body);
  std::vector<std::string> entries;
  const std::string commit = commit_of(add_tree(ids, entries));
  entries.push_back(pack_entry(GitObjectKind::kCommit, commit));
  return {id_of(GitObjectKind::kCommit, commit), pack_of(entries)};
}

}  // namespace npmgate::testing

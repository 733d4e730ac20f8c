#include "tests/inspect/archive/tar_builder.h"

#include <cstdio>
#include <cstring>

#include "base/gzip.h"

namespace npmgate::testing {
namespace {

void put(std::string& block, std::size_t offset, std::string_view bytes) {
  block.replace(offset, bytes.size(), bytes);
}

// `digits` octal digits; the NUL behind them is there already.
std::string octal(std::uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

void fix_checksum(std::string& tar, std::size_t offset) {
  tar.replace(offset + 148, 8, 8, ' ');
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(tar[offset + i]);
  put(tar, offset + 148, octal(sum, 6) + std::string("\0 ", 2));
}

std::string tar_header(std::string_view name, std::uint64_t size, char type, std::uint32_t mode) {
  std::string block(kBlock, '\0');
  put(block, 0, name);
  put(block, 100, octal(mode, 7));
  put(block, 108, octal(0, 7));
  put(block, 116, octal(0, 7));
  put(block, 124, octal(size, 11));
  put(block, 136, octal(499162500, 11));
  block[156] = type;
  put(block, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  fix_checksum(block, 0);
  return block;
}

std::string padded(std::string_view body) {
  std::string text(body);
  text.resize((body.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return text;
}

std::string tar_entry(std::string_view name, std::string_view body, char type, std::uint32_t mode) {
  return tar_header(name, body.size(), type, mode) + padded(body);
}

std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest;
  while (std::to_string(length).size() + rest != length) {
    length = std::to_string(length).size() + rest;
  }
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

std::string tgz(std::string_view entries) {
  return gzip_compress(std::string(entries) + std::string(2 * kBlock, '\0'));
}

std::string package_json_entry() {
  return tar_entry("package/package.json", R"({"name":"x","version":"1.0.0"})");
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ArchiveResult read(std::string_view gzip, const ArchiveLimits& limits) {
  const auto is_elf = [](std::string_view, std::string_view head, std::uint32_t) {
    return head.starts_with(
        "\x7F"
        "ELF");
  };
  return read_archive(bytes_of(gzip), limits, is_elf);
}

std::string rule_of(std::string_view gzip, const ArchiveLimits& limits) {
  const ArchiveResult result = read(gzip, limits);
  return result.refusal ? result.refusal->rule : "accept";
}

}  // namespace npmgate::testing

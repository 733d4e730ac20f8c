#include "inspect/archive/path_rules.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/text.h"
#include "inspect/archive/archive_rules.h"
#include "inspect/archive/normal_form.h"

namespace npmgate {
namespace {

// Some readers stop creating directories at a depth (node-tar: 1,024); real packages stay far
// below.
constexpr std::size_t kMaxDepth = 256;
// NAME_MAX of Linux; readers differ in whether they skip such a file or fail.
constexpr std::size_t kMaxSegment = 255;
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// C0, DEL, C1, the line and paragraph separators ('.' of a JavaScript expression stops there), the
// byte order mark (decoders eat it).
bool is_control(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f) || code_point == 0x2028 ||
         code_point == 0x2029 || code_point == 0xfeff;
}

std::optional<std::string_view> text_rule(std::string_view path) {
  if (path.empty()) return "path-empty";
  if (path.front() == '/') return "path-absolute";
  if (path.find('\\') != std::string_view::npos) return "path-backslash";
  while (!path.empty()) {
    const CodePoint point = first_code_point(path);
    if (!point.valid) return "path-utf8";
    if (is_control(point.value)) return "path-control";
    path.remove_prefix(point.size);
  }
  return std::nullopt;
}

// ABCDEF~1.JS: if Windows keeps short names, writing to one writes to the long-named file.
bool is_short_name(std::string_view segment) {
  const std::size_t dot = segment.rfind('.');
  const std::string_view base = segment.substr(0, dot);
  if (dot != std::string_view::npos && segment.size() - dot - 1 > 3) return false;
  const std::size_t tilde = base.rfind('~');
  if (tilde == std::string_view::npos || tilde == 0 || base.size() > 8) return false;
  const std::string_view digits = base.substr(tilde + 1);
  return !digits.empty() && base.find('.') == std::string_view::npos &&
         std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string_view> segment_rule(std::string_view segment) {
  if (segment.empty()) return "path-empty-segment";
  if (segment != "." && segment.find_first_not_of(". ") == std::string_view::npos) {
    return "path-dot-segment";
  }
  // node-tar strips "c:" from the start of what is left after the top directory, on every platform.
  if (segment.size() >= 2 && segment[1] == ':' && is_letter(segment[0])) return "path-drive";
  if (is_short_name(segment)) return "path-short-name";
  if (segment.size() > kMaxSegment) return "path-long-name";
  return std::nullopt;
}

struct FreeDeleter {
  void operator()(void* memory) const { std::free(memory); }
};

// Upper case first: file systems that compare by upper case find more pairs than case folding
// alone.
utf8proc_int32_t upper(utf8proc_int32_t code_point, void*) {
  return utf8proc_toupper(code_point);
}

std::string fold(std::string_view text) {
  std::string folded(text);
  bool ascii = true;
  for (char& c : folded) {
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (ascii) return folded;
  utf8proc_uint8_t* out = nullptr;
  const auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  const utf8proc_ssize_t size = utf8proc_map_custom(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &out, options, upper, nullptr);
  const std::unique_ptr<utf8proc_uint8_t, FreeDeleter> owner(out);
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (size < 0) return folded;  // not UTF-8: clean_path has refused it before
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

// What Windows drops from a name: an explicit default stream, then dots and blanks at the end.
void trim_for_windows(std::string& segment) {
  for (const std::string_view stream : {"::$data", "::$index_allocation"}) {
    if (segment.ends_with(stream)) segment.resize(segment.size() - stream.size());
  }
  segment.resize(segment.find_last_not_of(". ") + 1);
}

}  // namespace

PathResult clean_path(std::string_view raw, bool directory, std::string_view where,
                      const ArchiveLimits& limits) {
  const auto deny = [&](std::string_view rule) {
    return PathResult{refuse(rule, quoted(raw) + " " + std::string(where)), {}};
  };
  if (raw.size() > limits.max_path) return deny("limit-path");
  if (const auto rule = text_rule(raw)) return deny(*rule);
  std::string_view rest = raw;
  if (directory && rest.ends_with('/')) rest.remove_suffix(1);
  std::string path;
  std::size_t depth = 0;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    if (more) rest.remove_prefix(slash + 1);
    if (const auto rule = segment_rule(segment)) return deny(*rule);
    if (++depth > kMaxDepth) return deny("path-depth");
    if (segment == ".") {
      // Inside a path every reader drops it, and real packages have it; in front some take it for
      // the top directory.
      if (path.empty() || !more) return deny("path-dot-segment");
      continue;
    }
    if (!path.empty()) path += '/';
    path += segment;
  }
  return {std::nullopt, std::move(path)};
}

std::string collision_key(std::string_view path) {
  std::string key;
  for (bool more = true; more;) {
    const std::size_t slash = path.find('/');
    more = slash != std::string_view::npos;
    std::string segment = fold(path.substr(0, slash));
    trim_for_windows(segment);
    key += segment;
    if (more) {
      key += kKeySeparator;
      path.remove_prefix(slash + 1);
    }
  }
  return key;
}

}  // namespace npmgate

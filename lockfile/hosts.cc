#include "lockfile/hosts.h"

#include <algorithm>

#include "base/text.h"

namespace npmgate {
namespace {

// In yarn 2+'s locators: everything from here on names the archive.
constexpr std::string_view kBinding = "::__archiveUrl=";

// Scheme and host are compared without case, the path as it is.
std::string comparable(std::string_view url) {
  std::string out(url);
  const std::size_t host = out.find("://");
  const std::size_t path = host == std::string::npos ? 0 : out.find('/', host + 3);
  return lower_ascii(out.substr(0, path)) + out.substr(std::min(path, out.size()));
}

bool leads_to(const std::string& url, const std::vector<std::string>& gates) {
  const std::string wanted = comparable(url);
  return std::any_of(gates.begin(), gates.end(),
                     [&](const std::string& gate) { return wanted.starts_with(comparable(gate)); });
}

std::string url_at(const std::string& gate, const LockEntry& entry) {
  const std::size_t slash = entry.name.rfind('/');
  const std::string base = slash == std::string::npos ? entry.name : entry.name.substr(slash + 1);
  return gate + entry.name + "/-/" + base + "-" + entry.version.substr(0, entry.version.find('+')) +
         ".tgz";
}

bool is_npm(LockFormat format) {
  return format == LockFormat::kNpm1 || format == LockFormat::kNpm2 || format == LockFormat::kNpm3;
}

// bun asks its registry if the URL is empty, yarn 2+ if there is none: then the file holds no
// host at all, and the next move of the gate needs no fix.
bool leaves_host_out(LockFormat format) {
  return format == LockFormat::kBun || format == LockFormat::kYarnBerry;
}

}  // namespace

std::vector<Bypass> find_bypasses(const Lockfile& lockfile, const std::vector<std::string>& gates) {
  std::vector<Bypass> found;
  if (gates.empty()) return found;
  for (std::uint32_t i = 0; i < lockfile.entries.size(); ++i) {
    const LockEntry& entry = lockfile.entries[i];
    if (!entry.judged() || entry.resolved.empty() || leads_to(entry.resolved, gates)) continue;
    Bypass bypass;
    bypass.entry = i;
    bypass.url = entry.resolved;
    if (!leaves_host_out(lockfile.format)) bypass.wanted = url_at(gates.front(), entry);
    bypass.certain = !is_npm(lockfile.format);
    bypass.fixable = entry.resolved_size > 0;
    found.push_back(std::move(bypass));
  }
  return found;
}

std::string without_bypasses(std::string_view text, const Lockfile& lockfile,
                             const std::vector<Bypass>& bypasses) {
  struct Edit {
    std::size_t at, size;
    std::string_view put;
  };
  std::vector<Edit> edits;
  for (const Bypass& bypass : bypasses) {
    if (!bypass.fixable) continue;
    const LockEntry& entry = lockfile.entries[bypass.entry];
    Edit edit{entry.resolved_at, entry.resolved_size, bypass.wanted};
    if (entry.resolved_encoded && edit.at >= kBinding.size() &&
        text.substr(edit.at - kBinding.size(), kBinding.size()) == kBinding) {
      edit.at -= kBinding.size();
      edit.size += kBinding.size();
    }
    edits.push_back(edit);
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.at < b.at; });
  std::string out;
  std::size_t from = 0;
  for (const Edit& edit : edits) {
    if (edit.at < from) continue;  // one URL that two entries share
    out.append(text.substr(from, edit.at - from)).append(edit.put);
    from = edit.at + edit.size;
  }
  return out.append(text.substr(from));
}

}  // namespace npmgate

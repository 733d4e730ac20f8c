#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

constexpr std::size_t kMessageLimit = 200;  // what fits a header beside name, version and rule
constexpr std::size_t kProofText = 1024;

bool consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Hosts that npm knows by a shorthand (hosted-git-info); "" if `text` has none.
std::string expand_shorthand(std::string_view text) {
  if (consume(text, "github:")) return "github.com/" + std::string(text);
  if (consume(text, "gitlab:")) return "gitlab.com/" + std::string(text);
  if (consume(text, "bitbucket:")) return "bitbucket.org/" + std::string(text);
  if (consume(text, "gist:")) return "gist.github.com/" + std::string(text);
  const auto slash = text.find('/');
  const bool pair = slash != std::string_view::npos && slash > 0 &&
                    text.find(':') == std::string_view::npos &&
                    text.find('/', slash + 1) == std::string_view::npos && text[0] != '.' &&
                    text[0] != '@' && text.substr(0, slash).find('.') == std::string_view::npos;
  return pair ? "github.com/" + std::string(text) : std::string();
}

}  // namespace

Comparison::Comparison(const FindingInput& input)
    : release(*input.release),
      evidence(input.evidence),
      tree(usable_tree(input.evidence)),
      packed(usable_manifest(input.evidence)),
      before(input.baseline),
      before_evidence(input.baseline != nullptr ? input.baseline_evidence : nullptr),
      before_tree(usable_tree(before_evidence)),
      before_packed(usable_manifest(before_evidence)),
      history(input.history),
      popular(input.popular) {}

const StringMap& Comparison::scripts() const {
  return packed != nullptr ? packed->scripts : release.manifest.scripts;
}

const StringMap& Comparison::scripts_before() const {
  return before_packed != nullptr ? before_packed->scripts : before->manifest.scripts;
}

const Tree* usable_tree(const Evidence* evidence) {
  if (evidence == nullptr || evidence->archive_refusal || evidence->tree.files.empty()) {
    return nullptr;
  }
  return &evidence->tree;
}

const Manifest* usable_manifest(const Evidence* evidence) {
  const Tree* tree = usable_tree(evidence);
  if (tree == nullptr || evidence->package_json_refusal) return nullptr;
  return &tree->package_json;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

const FileFacts* find_file(const Tree& tree, std::string_view path) {
  const auto it =
      std::lower_bound(tree.files.begin(), tree.files.end(), path,
                       [](const FileFacts& file, std::string_view key) { return file.path < key; });
  return it != tree.files.end() && it->path == path ? &*it : nullptr;
}

std::span<const FileFacts> files_below(const Tree& tree, std::string_view folder) {
  const auto begin = std::ranges::lower_bound(tree.files, folder, {}, &FileFacts::path);
  const auto end = std::find_if(begin, tree.files.end(), [&](const FileFacts& file) {
    return !file.path.starts_with(folder);
  });
  return {begin, end};
}

Finding make(std::string_view id, Severity severity, std::string_view source,
             std::string_view message, json::object proof) {
  return {std::string(id), severity, ascii_line(message, kMessageLimit), std::move(proof),
          std::string(source)};
}

json::value proof_text(std::string_view text) {
  if (text.size() <= kProofText) return json::value(json::string(text));
  std::size_t end = kProofText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return json::object{{"begins", json::string(text.substr(0, end))},
                      {"bytes", text.size()},
                      {"sha256", sha256_hex(text)}};
}

void put_list(json::object& proof, std::string_view key, json::array items, std::size_t limit) {
  if (items.size() > limit) {
    proof[std::string(key) + "_left_out"] = items.size() - limit;
    proof[std::string(key) + "_sha256"] = sha256_hex(json::serialize(items));
    items.resize(limit);
  }
  proof[key] = std::move(items);
}

json::array to_array(const std::set<std::string>& items) {
  json::array out;
  for (const std::string& item : items) out.emplace_back(item);
  return out;
}

std::string join(const std::vector<std::string>& items, std::string_view separator,
                 std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < items.size() && i < limit; ++i) {
    if (i > 0) out += separator;
    out += items[i];
  }
  if (items.size() > limit) out += " and " + std::to_string(items.size() - limit) + " more";
  return out;
}

std::string normal_repository(std::string_view url) {
  // Hosting sites fold case in owner and repository names, and no one relies on two that differ in
  // nothing else.
  const std::string folded = lower_ascii(trimmed(url));
  std::string_view rest = folded;
  std::string_view committish;
  if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
    committish = rest.substr(hash);
    rest = rest.substr(0, hash);
  }
  std::string text = expand_shorthand(rest);
  if (text.empty()) {
    consume(rest, "git+");
    const auto scheme = rest.find("://");
    if (scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
    const auto at = rest.find('@');
    if (at != std::string_view::npos && at < rest.find('/')) rest.remove_prefix(at + 1);
    consume(rest, "www.");
    text = std::string(rest);
    // "git@host:owner/repo", with or without ssh:// before it; a port stays.
    const auto colon = text.find(':');
    if (colon < text.find('/') && colon + 1 < text.size() &&
        (text[colon + 1] < '0' || text[colon + 1] > '9')) {
      text[colon] = '/';
    }
  }
  // Links to a folder of a monorepo mean the repository.
  for (const std::string_view view : {"/tree/", "/blob/"}) text = text.substr(0, text.find(view));
  while (text.ends_with('/')) text.pop_back();
  if (text.ends_with(".git")) text.resize(text.size() - 4);
  return text + std::string(committish);
}

bool has_trait(const std::vector<std::string>& traits, std::string_view trait) {
  return std::find(traits.begin(), traits.end(), trait) != traits.end();
}

std::optional<std::size_t> entry_index(const PackageHistory& history, std::string_view version) {
  for (std::size_t i = history.entries.size(); i > 0; --i) {
    if (history.entries[i - 1].version == version) return i - 1;
  }
  return std::nullopt;
}

// Published by a trusted publisher, or approved by a human in staged publishing (the account is
// then the approver's).
bool trusted(const Release& release) {
  return release.publisher && (release.publisher->trusted_publisher || release.publisher->approver);
}

}  // namespace npmgate::detect

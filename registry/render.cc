#include "registry/render.h"

#include <algorithm>
#include <array>
#include <set>

#include "registry/json_scan.h"

namespace npmgate {
namespace {

// Replaces bytes [begin, end) of a text.
struct Edit {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
};

// `edits` sorted and disjoint.
void append_edited(std::string& out, std::string_view text, const std::vector<Edit>& edits) {
  std::size_t copied = 0;
  for (const Edit& edit : edits) {
    out.append(text.substr(copied, edit.begin - copied));
    out.append(edit.text);
    copied = edit.end;
  }
  out.append(text.substr(copied));
}

std::string json_quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

// The members of one object, to be changed in place: every byte that no change names stays as it
// is.
class ObjectEditor {
 public:
  ObjectEditor(std::string_view object, bool repeated_keys) : text_(object) {
    json::MemberScanner scanner(object);
    json::Member member;
    while (scanner.next(member)) members_.push_back(member);
    valid_ = scanner.closed() && json::trim(object.substr(scanner.end())).empty();
    changes_.resize(members_.size());
    if (repeated_keys) drop_repeated();
  }

  bool valid() const { return valid_; }
  // The raw value; nullopt if there is no such member.
  std::optional<std::string_view> value(std::string_view key) const {
    const auto at = find(key);
    if (at == members_.size()) return std::nullopt;
    return members_[at].value;
  }

  void set(std::string_view key, std::string raw_value) {
    const auto at = find(key);
    if (at == members_.size()) {
      added_.push_back(json_quoted(key) + ":" + std::move(raw_value));
    } else if (members_[at].value != raw_value) {
      changes_[at] = {Change::kReplace, std::move(raw_value)};
    }
  }

  // All members of that name: the text need not be free of duplicates.
  void remove(std::string_view key) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (json::key_is(members_[i].key, key)) changes_[i].kind = Change::kRemove;
    }
  }

  void append_to(std::string& out) const {
    std::vector<Edit> edits;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const json::Member& member = members_[i];
      switch (changes_[i].kind) {
        case Change::kRemove:
          edits.push_back(removal(i, kept > 0));
          continue;
        case Change::kReplace:
          edits.push_back({member.end - member.value.size(), member.end, changes_[i].value});
          break;
        case Change::kNone:
          break;
      }
      ++kept;
    }
    if (!added_.empty()) edits.push_back(insertion(kept > 0));
    append_edited(out, text_, edits);
  }

  // Only the members of `keys`, with the changes.
  void append_selected(std::string& out, bool (*selected)(std::string_view key)) const {
    out.push_back('{');
    std::size_t kept = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const auto key = json::decode_string(members_[i].key);
      if (changes_[i].kind == Change::kRemove || !key || !selected(*key)) continue;
      if (kept++ > 0) out.push_back(',');
      json::append_string(out, *key);
      out.push_back(':');
      out.append(changes_[i].kind == Change::kReplace ? changes_[i].value : members_[i].value);
    }
    for (const std::string& member : added_) {
      if (kept++ > 0) out.push_back(',');
      out.append(member);
    }
    out.push_back('}');
  }

 private:
  struct Change {
    enum Kind { kNone, kReplace, kRemove } kind = kNone;
    std::string value;
  };

  std::size_t find(std::string_view key) const {
    std::size_t at = 0;
    while (at < members_.size() &&
           (changes_[at].kind == Change::kRemove || !json::key_is(members_[at].key, key)))
      ++at;
    return at;
  }

  void drop_repeated() {
    std::set<std::string> seen;
    for (std::size_t i = members_.size(); i-- > 0;) {
      const auto key = json::decode_string(members_[i].key);
      if (!key || !seen.insert(*key).second) changes_[i].kind = Change::kRemove;
    }
  }

  // With a kept member before it the member takes the comma in front of it along, otherwise the one
  // behind it.
  Edit removal(std::size_t i, bool after_kept) const {
    if (after_kept) return {members_[i - 1].end, members_[i].end, ""};
    const bool last = i + 1 == members_.size();
    return {members_[i].begin, last ? members_[i].end : members_[i + 1].begin, ""};
  }

  Edit insertion(bool after_kept) const {
    const std::size_t at = members_.empty() ? json::skip_blanks(text_, 0) + 1 : members_.back().end;
    std::string text;
    for (const std::string& member : added_) {
      if (after_kept || !text.empty()) text.push_back(',');
      text.append(member);
    }
    return {at, at, std::move(text)};
  }

  std::string_view text_;
  bool valid_ = false;
  std::vector<json::Member> members_;
  std::vector<Change> changes_;
  std::vector<std::string> added_;
};

// npm registry API, "abbreviated metadata": what installing needs. Sorted. `_hasShrinkwrap` is
// there too, but never served.
constexpr std::array<std::string_view, 20> kAbbreviatedFields = {
    "acceptDependencies",
    "bin",
    "bundleDependencies",
    "bundledDependencies",
    "cpu",
    "dependencies",
    "deprecated",
    "devDependencies",
    "directories",
    "dist",
    "engines",
    "funding",
    "hasInstallScript",
    "libc",
    "name",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
    "version",
};
static_assert(std::is_sorted(kAbbreviatedFields.begin(), kAbbreviatedFields.end()));

bool is_abbreviated_field(std::string_view key) {
  return std::binary_search(kAbbreviatedFields.begin(), kAbbreviatedFields.end(), key);
}

// `dist` with the gate's URL; a manifest without `dist` gets one, so that no client guesses the
// place.
std::string edited_dist(std::optional<std::string_view> dist, const std::string& tarball_url,
                        bool repeated_keys) {
  ObjectEditor editor(dist.value_or("{}"), repeated_keys);
  if (!editor.valid()) return "{\"tarball\":" + json_quoted(tarball_url) + "}";
  editor.set("tarball", json_quoted(tarball_url));
  std::string out;
  editor.append_to(out);
  return out;
}

// The publisher's own words stay readable behind the gate's.
std::string warning_text(const std::string& warning, std::optional<std::string_view> deprecated) {
  if (!deprecated || deprecated->size() < 2 || deprecated->front() != '"') return warning;
  const auto own = json::decode_string(deprecated->substr(1, deprecated->size() - 2));
  return own && !own->empty() ? warning + " (deprecated by its publisher: " + *own + ")" : warning;
}

// False, and nothing appended, if `raw` is not an object.
bool append_manifest(std::string& out, const RenderInput& input, const VersionView& version) {
  ObjectEditor editor(version.raw, version.repeated_keys);
  if (!editor.valid()) return false;
  const std::string url = input.base_url + tarball_path(input.packument->name(), version.version);
  editor.set("dist", edited_dist(editor.value("dist"), url, version.repeated_keys));
  editor.remove("_hasShrinkwrap");
  // npm 5 and 6 install from it what they find written there, URLs included.
  editor.remove("_shrinkwrap");
  if (version.has_install_script) {
    editor.set("hasInstallScript", "true");
  } else if (editor.value("hasInstallScript") != "false") {
    editor.remove("hasInstallScript");
  }
  if (version.warning) {
    editor.set("deprecated",
               json_quoted(warning_text(*version.warning, editor.value("deprecated"))));
  }
  if (input.form == Form::kAbbreviated) {
    editor.append_selected(out, is_abbreviated_field);
  } else {
    editor.append_to(out);
  }
  return true;
}

void append_member(std::string& out, std::string_view key, std::string_view raw_value) {
  if (out.back() != '{') out.push_back(',');
  json::append_string(out, key);
  out.push_back(':');
  out.append(raw_value);
}

void append_text_member(std::string& out, std::string_view key, std::string_view text) {
  append_member(out, key, "");
  json::append_string(out, text);
}

void append_tags(std::string& out, const StringMap& tags) {
  append_member(out, "dist-tags", "{");
  for (const auto& [tag, version] : tags) append_text_member(out, tag, version);
  out.push_back('}');
}

// What `time` says of the versions served.
struct Times {
  std::vector<std::pair<std::string_view, std::string_view>> stamps;
  std::string modified;  // the newest stamp as written; what the upstream said if no stamp is known
};

Times served_times(const Packument& packument, const std::vector<std::string_view>& served) {
  Times times;
  std::optional<Time> newest;
  for (std::string_view version : served) {
    const auto stamp = packument.times().find(version);
    if (stamp == packument.times().end()) continue;
    times.stamps.emplace_back(version, stamp->second);
    const auto time = parse_time(stamp->second);
    if (time && (!newest || *time > *newest)) {
      newest = time;
      times.modified = stamp->second;
    }
  }
  if (times.stamps.empty() && packument.modified()) {
    times.modified = format_time(*packument.modified());
  }
  return times;
}

void append_times(std::string& out, const Packument& packument, const Times& times) {
  append_member(out, "time", "{");
  if (packument.created()) append_text_member(out, "created", *packument.created());
  if (!times.modified.empty()) append_text_member(out, "modified", times.modified);
  for (const auto& [version, stamp] : times.stamps) append_text_member(out, version, stamp);
  out.push_back('}');
}

// Registries copy most of the top level (readme, description, …) from the manifest of the release
// that is `latest`. If another one is served, or a pinned older text of it, nobody has judged
// that.
bool top_level_is_of_served(const RenderInput& input) {
  const Packument& packument = *input.packument;
  const auto latest = packument.dist_tags().find("latest");
  const PackumentVersion* stated =
      latest == packument.dist_tags().end() ? nullptr : packument.find(latest->second);
  return stated != nullptr && std::any_of(input.versions.begin(), input.versions.end(),
                                          [stated](const VersionView& view) {
                                            return view.version == stated->version &&
                                                   view.raw == stated->raw;
                                          });
}

// About the package, not about one of its releases.
bool is_of_package(std::string_view key) {
  return key == "maintainers" || key == "users";
}

std::vector<std::string_view> append_versions(std::string& out, const RenderInput& input) {
  std::vector<std::string_view> served;
  append_member(out, "versions", "{");
  for (const VersionView& version : input.versions) {
    const std::size_t before = out.size();
    append_member(out, version.version, "");
    if (append_manifest(out, input, version)) {
      served.push_back(version.version);
    } else {
      out.resize(before);
    }
  }
  out.push_back('}');
  return served;
}

std::size_t expected_size(const RenderInput& input) {
  std::size_t size = 4096;
  for (const VersionView& version : input.versions) size += version.raw.size() + 256;
  for (const auto& [key, value] : input.packument->extras()) size += key.size() + value.size() + 8;
  return size;
}

}  // namespace

std::string tarball_path(const PackageName& name, std::string_view version) {
  std::string path = name.str();
  path.append("/-/").append(name.unscoped()).append("-").append(version).append(".tgz");
  return path;
}

std::string render_manifest(const RenderInput& input, const VersionView& version) {
  std::string out;
  if (!append_manifest(out, input, version)) return "{}";
  return out;
}

std::string render_packument(const RenderInput& input) {
  const Packument& packument = *input.packument;
  const bool full = input.form == Form::kFull;
  std::string out;
  out.reserve(expected_size(input));
  out.push_back('{');
  if (full) append_text_member(out, "_id", packument.name().str());
  append_text_member(out, "name", packument.name().str());
  append_tags(out, input.dist_tags);
  const std::vector<std::string_view> served = append_versions(out, input);
  const Times times = served_times(packument, served);
  if (!times.stamps.empty()) append_times(out, packument, times);
  if (!full) {
    if (!times.modified.empty()) append_text_member(out, "modified", times.modified);
  } else {
    const bool all = top_level_is_of_served(input);
    for (const auto& [key, value] : packument.extras()) {
      if (all || is_of_package(key)) append_member(out, key, value);
    }
  }
  out.push_back('}');
  // The abbreviated form is a small part of what was expected.
  if (out.capacity() - out.size() > out.size() / 8) out.shrink_to_fit();
  return out;
}

}  // namespace npmgate

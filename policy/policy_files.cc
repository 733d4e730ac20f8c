#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/lint.h"
#include "policy/policy_loader.h"

namespace npmgate {
namespace {

// Includes and list files of one policy together; far above any real one, far below what would
// hurt.
constexpr std::size_t kMaxFiles = 64;
// A list file may hold a whole private registry's names (214 bytes each at most).
constexpr std::size_t kMaxFileBytes = std::size_t{8} << 20;

std::string normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

std::string beside(const std::string& file, const std::string& path) {
  return normal((std::filesystem::path(file).parent_path() / path).string());
}

}  // namespace

std::string shown(std::string_view text, std::size_t limit) {
  return "'" + log::printable(text, limit) + "'";
}

FileReader disk_reader() {
  return [](const std::string& path) -> Result<std::string> {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      return fail(Code::kMalformed, Origin::kDisk, path + " is a directory");
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(Code::kNotFound, Origin::kDisk, "cannot open " + path);
    std::string text;
    char chunk[16384];
    while (in.read(chunk, sizeof chunk), in.gcount() > 0) {
      text.append(chunk, static_cast<std::size_t>(in.gcount()));
      if (text.size() > kMaxFileBytes) {
        return fail(Code::kTooLarge, Origin::kDisk, path + " is larger than 8 MiB");
      }
    }
    if (in.bad()) return fail(Code::kUnavailable, Origin::kDisk, "cannot read " + path);
    return text;
  };
}

PolicyLoader::PolicyLoader(const FileReader& read, Time now)
    : read_(read), now_(now), policy_(std::make_shared<Policy>()), compiler_(lists_, problems_) {}

PolicyResult PolicyLoader::load(std::string_view text, const std::string& file) {
  policy_->file = file;
  paths_.push_back(file);
  open(text, file, true);
  for (const File& each : files_) rules(each);
  if (const YamlNode* node = files_.front().freeze) freeze(*node);
  for (const File& each : files_) waivers(each);
  if (const YamlNode* node = files_.front().break_glass) break_glass(*node);
  unused_lists();
  policy_->hash = sha256_hex(all_text_).substr(0, 16);
  if (problems_.empty()) {
    for (Problem& remark : lint(*policy_)) policy_->warnings.push_back(std::move(remark));
  }
  sort_problems(policy_->warnings);
  PolicyResult result;
  result.files = std::move(paths_);
  if (problems_.empty()) {
    result.policy = std::move(policy_);
    return result;
  }
  sort_problems(problems_);
  result.problems = std::move(problems_);
  return result;
}

void PolicyLoader::open(std::string_view text, const std::string& path, bool main) {
  ++files_read_;
  // The length in front keeps two files from reading like one.
  all_text_ += std::to_string(text.size()) + ":";
  all_text_ += text;
  File& file = files_.emplace_back();
  file.path = path;
  file.main = main;
  file.document = parse_yaml(text, path);
  if (!file.document.problems.empty()) {
    problems_.insert(problems_.end(), file.document.problems.begin(), file.document.problems.end());
    return;
  }
  open_.push_back(normal(path));
  top_level(file);
  open_.pop_back();
}

void PolicyLoader::top_level(File& file) {
  YamlReader reader(file.document.root, file.main ? "policy" : "included policy", problems_);
  if (file.main) reader.require("version");
  reader.integer("version", 1, 1, 1);
  file.monitor = monitor_mode(reader);
  const YamlNode* listed = reader.node("lists");
  file.rules = reader.node("rules");
  file.waivers = reader.node("waivers");
  const YamlNode* included = reader.node("include");
  file.freeze = reader.node("freeze");
  file.break_glass = reader.node("break_glass");
  const bool tells = tells_clients(reader);
  reader.finish();
  if (file.main) {
    policy_->monitor = file.monitor;
    policy_->tell_clients = tells;
  } else {
    for (const auto& [key, value] : file.document.root.members) {
      if (key.scalar == "freeze" || key.scalar == "break_glass" || key.scalar == "tell") {
        problem(key.at, "included policy: only the main file may say '" + key.scalar + "'");
      }
    }
  }
  if (listed != nullptr) lists(*listed, file);
  if (included != nullptr) includes(*included, file);
}

bool PolicyLoader::monitor_mode(YamlReader& reader) {
  const std::string mode = reader.text("mode", "enforce");
  if (mode == "monitor") return true;
  if (mode != "enforce") {
    const YamlNode* node = reader.node("mode");
    problem(node->at, "mode: expected enforce or monitor, found " + shown(mode, 80));
  }
  return false;
}

bool PolicyLoader::tells_clients(YamlReader& reader) {
  const YamlNode* node = reader.node("tell");
  if (node == nullptr) return false;
  if (node->kind == YamlNode::Kind::kScalar && node->scalar == "clients") return true;
  problem(node->at, "tell: the only value is clients (warnings then show in npm's output)");
  return false;
}

void PolicyLoader::includes(const YamlNode& node, const File& from) {
  if (node.kind == YamlNode::Kind::kScalar) return include(node, from);
  if (node.kind != YamlNode::Kind::kSequence) {
    return problem(node.at, "include: expected a file or a list of files");
  }
  for (const YamlNode& item : node.items) include(item, from);
}

void PolicyLoader::include(const YamlNode& item, const File& from) {
  if (item.kind != YamlNode::Kind::kScalar || item.scalar.empty()) {
    return problem(item.at, "include: expected a file's path");
  }
  const std::string path = beside(from.path, item.scalar);
  if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
    return problem(item.at, "include: " + shown(item.scalar, 80) + " includes itself: " +
                                log::printable(open_.back()) + " is read for it already");
  }
  // The same file by two ways is read once.
  if (std::any_of(files_.begin(), files_.end(),
                  [&](const File& file) { return normal(file.path) == path; })) {
    return;
  }
  if (files_read_ >= kMaxFiles) return problem(item.at, "include: more than 64 files");
  paths_.push_back(path);
  const auto text = read_(path);
  if (!text) return problem(item.at, "include: " + log::printable(text.error().context));
  open(*text, path, false);
}

void PolicyLoader::lists(const YamlNode& node, const File& from) {
  if (node.kind != YamlNode::Kind::kMap && node.kind != YamlNode::Kind::kNull) {
    return problem(node.at, "lists: expected a map from a list's name to its members");
  }
  for (const auto& [key, value] : node.members) {
    auto names = list(value, key.scalar, from);
    if (const auto known = lists_.find(key.scalar); known != lists_.end()) {
      problem(key.at, "lists: " + shown(key.scalar, 80) + " is defined at " +
                          known->second.at.str() + " already");
      continue;
    }
    lists_.emplace(key.scalar, NamedList{std::move(names), key.at, false});
  }
}

std::shared_ptr<const NameSet> PolicyLoader::list(const YamlNode& node, const std::string& name,
                                                  const File& from) {
  auto names = std::make_shared<NameSet>();
  if (node.kind == YamlNode::Kind::kMap) {
    YamlReader reader(node, "lists: " + name, problems_);
    const YamlNode* file = reader.node("file");
    const YamlNode* builtin = reader.node("builtin");
    reader.finish();
    if ((file == nullptr) == (builtin == nullptr)) {
      problem(node.at, "lists: " + name + ": expected either file or builtin");
    } else if (file != nullptr) {
      list_file(*file, *names, from);
    } else if (reader.text("builtin") == "popular") {
      names->add_builtin_popular();
    } else if (builtin->kind == YamlNode::Kind::kScalar) {
      problem(builtin->at, "lists: " + name + ": unknown builtin " + shown(builtin->scalar, 80) +
                               "; there is: popular");
    }
  } else if (node.kind != YamlNode::Kind::kSequence) {
    problem(node.at,
            "lists: " + name + ": expected [names], { file: names.txt } or { builtin: popular }");
  } else if (!node.items.empty()) {
    std::vector<std::string> shown_nowhere;
    for (const YamlNode& item : node.items) {
      if (item.kind == YamlNode::Kind::kMap) {
        problem(item.at, "lists: " + name + ": a list holds names and globs, no other lists");
      } else {
        compiler_.read_names(item, "lists", name, *names, shown_nowhere);
      }
    }
  }
  names->seal();
  return names;
}

void PolicyLoader::list_file(const YamlNode& node, NameSet& names, const File& from) {
  if (node.kind != YamlNode::Kind::kScalar || node.scalar.empty()) {
    return problem(node.at, "file: expected a file's path");
  }
  if (files_read_ >= kMaxFiles) return problem(node.at, "file: more than 64 files");
  ++files_read_;
  const std::string path = beside(from.path, node.scalar);
  paths_.push_back(path);
  const auto read = read_(path);
  if (!read) return problem(node.at, "file: " + log::printable(read.error().context));
  all_text_ += std::to_string(read->size()) + ":" + *read;
  std::string_view rest = *read;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    const std::string_view name = trimmed(rest.substr(0, end), " \t\r");
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (name.empty() || name.front() == '#') continue;
    if (const std::string wrong = check_name_or_glob(name); !wrong.empty()) {
      problem({path, line, 1},
              shown(name, 80) + " " + wrong + "; one name a line, comments start with #");
      // A file of another kind would name every line of it.
      if (problems_.size() > 100) return;
      continue;
    }
    names.add(std::string(name));
  }
}

void PolicyLoader::unused_lists() {
  for (const auto& [name, list] : lists_) {
    if (!list.used)
      policy_->warnings.push_back({list.at, "lists: no rule uses " + shown(name, 80)});
  }
}

void PolicyLoader::sort_problems(std::vector<Problem>& problems) const {
  const auto rank = [&](const Problem& problem) {
    const auto it = std::find_if(files_.begin(), files_.end(),
                                 [&](const File& file) { return file.path == problem.at.file; });
    return std::distance(files_.begin(), it);
  };
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(rank(a), a.at.line, a.at.column) <
           std::tuple(rank(b), b.at.line, b.at.column);
  });
}

PolicyResult load_policy(std::string_view text, const std::string& file, const FileReader& read,
                         Time now) {
  return PolicyLoader(read, now).load(text, file);
}

PolicyResult load_policy_file(const std::string& file, const FileReader& read, Time now) {
  const auto text = read(file);
  if (text) return load_policy(*text, file, read, now);
  PolicyResult result;
  result.files.push_back(file);
  result.problems.push_back({{file, 1, 1}, log::printable(text.error().context)});
  return result;
}

}  // namespace npmgate

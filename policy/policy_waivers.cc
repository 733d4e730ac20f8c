#include <algorithm>

#include "base/log.h"
#include "policy/policy_facts.h"
#include "policy/policy_loader.h"
#include "policy/strict_range.h"

namespace npmgate {
namespace {

std::vector<const YamlNode*> scalars(const YamlNode* node) {
  std::vector<const YamlNode*> items;
  if (node == nullptr) return items;
  if (node->kind == YamlNode::Kind::kScalar) return {node};
  for (const YamlNode& item : node->items) {
    if (item.kind == YamlNode::Kind::kScalar) items.push_back(&item);
  }
  return items;
}

}  // namespace

std::string PolicyLoader::sentence(YamlReader& reader, std::string_view key) {
  std::string text = reader.text(key);
  const YamlNode* node = reader.node(key);
  if (node == nullptr || node->kind != YamlNode::Kind::kScalar) return text;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.find_first_not_of(" \t\n") == std::string::npos) {
    problem(node->at, std::string(key) + ": expected text, found an empty one");
  } else if (text.size() > kMaxSentence) {
    problem(node->at, std::string(key) + ": longer than 300 characters; it is shown on one line");
  } else if (text.find_first_of("\n\r\t") != std::string::npos) {
    problem(node->at, std::string(key) + ": more than one line; it is shown on one line");
  }
  return text;
}

std::optional<Time> PolicyLoader::date(YamlReader& reader, std::string_view key) {
  const std::string text = reader.text(key);
  const YamlNode* node = reader.node(key);
  if (node == nullptr || node->kind != YamlNode::Kind::kScalar) return std::nullopt;
  auto time = parse_time(text);
  if (!time) {
    problem(
        node->at,
        std::string(key) +
            ": expected a date such as 2027-03-01 or a time such as 2027-03-01T12:00:00Z, found " +
            shown(text));
  }
  return time;
}

void PolicyLoader::waivers(const File& file) {
  if (file.waivers == nullptr || file.waivers->kind == YamlNode::Kind::kNull) return;
  if (file.waivers->kind != YamlNode::Kind::kSequence) {
    return problem(file.waivers->at,
                   "waivers: expected a list of waivers, each with package, reason and expires");
  }
  for (const YamlNode& node : file.waivers->items) waiver(node);
}

void PolicyLoader::waiver(const YamlNode& node) {
  Waiver waiver;
  waiver.at = node.at;
  YamlReader reader(node, "waiver", problems_);
  for (const std::string_view key : {"package", "reason", "expires"}) reader.require(key);
  waiver_package(reader, waiver);
  waiver_rules(reader, waiver);
  waiver_findings(reader, waiver);
  waiver.reason = sentence(reader, "reason");
  const auto expires = date(reader, "expires");
  reader.finish();
  if (node.kind == YamlNode::Kind::kMap && !reader.has("rules") && !reader.has("findings")) {
    problem(node.at, "waiver: name what it waives: rules, findings or both");
  }
  if (!expires) return;
  waiver.expires = *expires;
  if (*expires <= now_) {
    policy_->warnings.push_back(
        {reader.node("expires")->at, "waiver for " + shown(waiver.package) + " expired " +
                                         format_minute(*expires) + " and is not applied"});
  }
  policy_->waivers.push_back(std::move(waiver));
}

void PolicyLoader::waiver_package(YamlReader& reader, Waiver& waiver) {
  const std::string text = reader.text("package");
  const YamlNode* node = reader.node("package");
  if (node == nullptr || node->kind != YamlNode::Kind::kScalar) return;
  const std::size_t at = text.rfind('@');
  const bool ranged = at != std::string::npos && at > 0;
  waiver.package = ranged ? text.substr(0, at) : text;
  if (const std::string wrong = check_name_or_glob(waiver.package); !wrong.empty()) {
    return problem(node->at, "waiver: " + shown(waiver.package) + " " + wrong);
  }
  waiver.is_glob = is_glob(waiver.package);
  if (!ranged) return;
  waiver.versions_text = text.substr(at + 1);
  if (!waiver.versions_text.empty() && check_range(waiver.versions_text).empty())
    waiver.versions = Range::parse(waiver.versions_text);
  if (!waiver.versions) {
    return problem(node->at, "waiver: " + shown(waiver.versions_text) + " is no version or range");
  }
  waiver.exact = !waiver.is_glob && waiver.versions->exact().has_value();
}

void PolicyLoader::waiver_rules(YamlReader& reader, Waiver& waiver) {
  waiver.rules = reader.texts("rules");
  const YamlNode* node = reader.node("rules");
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kSequence && node->items.empty()) {
    problem(node->at, "waiver: the list of rules is empty");
  }
  if (!waiver.exact && !waiver.package.empty()) {
    problem(node->at,
            "waiver: only one exact version (name@1.2.3) may waive rules; a glob, a range or a "
            "name may waive findings, so that a hijack is not covered by old trust");
  }
  std::vector<std::string> known;
  for (const Rule& rule : policy_->rules) known.push_back(rule.id);
  for (const YamlNode* item : scalars(node)) {
    if (std::find(known.begin(), known.end(), item->scalar) != known.end()) continue;
    const std::string near = nearest(item->scalar, known);
    problem(item->at, "waiver: there is no rule " + shown(item->scalar) +
                          (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
}

void PolicyLoader::waiver_findings(YamlReader& reader, Waiver& waiver) {
  waiver.findings = reader.texts("findings");
  const YamlNode* node = reader.node("findings");
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kSequence && node->items.empty()) {
    problem(node->at, "waiver: the list of findings is empty");
  }
  std::vector<std::string> known;
  for (const FindingKind& kind : finding_kinds()) known.emplace_back(kind.id);
  for (const YamlNode* item : scalars(node)) {
    const auto index = finding_index(item->scalar);
    if (item->scalar == "integrity-mismatch") {
      problem(item->at, "waiver: integrity-mismatch can never be waived");
    } else if (index && !waiver.exact && is_floor_finding(item->scalar)) {
      policy_->warnings.push_back(
          {item->at, "waiver: only one exact version (name@1.2.3) may waive " + item->scalar +
                         ", which stands before every rule; not applied"});
    } else if (index) {
      waiver.finding_set.set(*index);
    } else {
      const std::string near = nearest(item->scalar, known);
      problem(item->at, "waiver: unknown finding " + shown(item->scalar) +
                            (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
  }
}

void PolicyLoader::break_glass(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kSequence) {
    return problem(node.at, "break_glass: expected a list, each with reason, by and until");
  }
  for (const YamlNode& item : node.items) break_glass_entry(item);
}

void PolicyLoader::break_glass_entry(const YamlNode& node) {
  BreakGlass break_glass;
  break_glass.at = node.at;
  YamlReader reader(node, "break_glass", problems_);
  for (const std::string_view key : {"reason", "by", "until"}) reader.require(key);
  if (const YamlNode* packages = reader.node("packages")) {
    compiler_.read_names(*packages, "break_glass", "packages", break_glass.names,
                         break_glass.packages);
  }
  break_glass.names.seal();
  break_glass.reason = sentence(reader, "reason");
  break_glass.by = sentence(reader, "by");
  const auto until = date(reader, "until");
  reader.finish();
  if (!until) return;
  break_glass.until = *until;
  const std::string what = break_glass.packages.empty()
                               ? "everything"
                               : shown(break_glass.packages.front()) +
                                     (break_glass.packages.size() > 1 ? " and others" : "");
  policy_->warnings.push_back(
      {break_glass.at,
       *until <= now_
           ? "break_glass ended " + format_minute(*until) + " and is not applied"
           : "break_glass: " + what + " is served unjudged until " + format_minute(*until)});
  policy_->break_glass.push_back(std::move(break_glass));
}

}  // namespace npmgate

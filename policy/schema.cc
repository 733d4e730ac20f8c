#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "policy/condition.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// What parse_duration takes.
constexpr std::string_view kDuration = "^[0-9]+(ms|s|m|h|d|w)$";

json::object with(std::string_view description, json::object schema) {
  schema["description"] = description;
  return schema;
}

json::object reference(std::string_view name) {
  return {{"$ref", "#/$defs/" + std::string(name)}};
}

json::object text(std::string_view description) {
  return with(description, {{"type", "string"}, {"minLength", 1}});
}

// What is shown on one line; a block of YAML text may end with line breaks.
json::object line(std::string_view description) {
  return with(description, {{"type", "string"}, {"pattern", "^[^\\r\\n\\t]{1,300}\\n*$"}});
}

json::object choice(std::string_view description, std::initializer_list<std::string_view> words) {
  json::array values;
  for (const std::string_view word : words) values.emplace_back(word);
  return with(description, {{"enum", std::move(values)}});
}

json::object list_of(json::object item) {
  return {{"type", "array"}, {"items", std::move(item)}};
}

json::object one_or_many(const json::object& item) {
  json::object many = list_of(item);
  many["minItems"] = 1;
  return {{"oneOf", json::array{item, std::move(many)}}};
}

json::object map_of(json::object properties, std::initializer_list<std::string_view> required) {
  json::object out{{"type", "object"}, {"additionalProperties", false}};
  json::array keys;
  for (const std::string_view key : required) keys.emplace_back(key);
  if (!keys.empty()) out["required"] = std::move(keys);
  out["properties"] = std::move(properties);
  return out;
}

// A date or a time; YAML readers of editors hand dates over as text.
json::object date(std::string_view description) {
  return with(description,
              {{"type", "string"}, {"pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$"}});
}

json::object finding_id() {
  json::array choices;
  for (const FindingKind& kind : finding_kinds()) {
    choices.push_back(json::object{{"const", kind.id}, {"description", kind.shows}});
  }
  return {{"oneOf", std::move(choices)}};
}

json::object of_kind(Condition::Kind kind, bool negated) {
  using Kind = Condition::Kind;
  const std::string_view condition = negated ? "negated" : "condition";
  switch (kind) {
    case Kind::kAll:
    case Kind::kAny: {
      json::object list = list_of(reference(condition));
      list["minItems"] = 1;
      return list;
    }
    case Kind::kNot:
      return reference("negated");
    case Kind::kFinding:
      return one_or_many(reference("finding"));
    case Kind::kPackage:
      return reference("names");
    case Kind::kYoungerThan:
    case Kind::kOlderThan:
      return {{"type", "string"}, {"pattern", kDuration}};
    case Kind::kHasInstallScript:
    case Kind::kLowestRisk:
      return {{"const", true}};
    case Kind::kPopular:
      return {{"type", "boolean"}};
    case Kind::kVersion:
      // `version: 2` is a number to an editor.
      return {{"type", json::array{"string", "number"}}, {"minLength", 1}};
    case Kind::kPublisher:
    case Kind::kLicense:
    case Kind::kUpstream:
      return one_or_many({{"type", "string"}, {"minLength", 1}});
    case Kind::kProvenance: {
      const json::object text = one_or_many({{"type", "string"}, {"minLength", 1}});
      json::object out = map_of({{"verified", json::object{{"const", true}}},
                                 {"builder", text},
                                 {"repository", text},
                                 {"workflow", text},
                                 {"ref", text}},
                                {});
      out["minProperties"] = 1;
      return out;
    }
    case Kind::kPublishedAfter:
      break;
  }
  return {};
}

json::object condition(bool negated) {
  json::object properties;
  for (const ConditionKey& row : condition_keys()) {
    if (negated && !row.under_not) continue;
    json::object value = of_kind(row.kind, negated);
    // The two that narrow `finding`.
    if (row.key == "severity")
      value = {{"enum", json::array{"info", "low", "medium", "high", "critical"}}};
    if (row.key == "new") value = {{"const", true}};
    properties[row.key] = with(row.shows, std::move(value));
  }
  json::object out = map_of(std::move(properties), {});
  out["minProperties"] = 1;
  return out;
}

json::object names() {
  const json::object name{{"type", "string"}, {"minLength", 1}, {"maxLength", 214}};
  const json::object in = map_of({{"in", text("a list of `lists`")}}, {"in"});
  return one_or_many({{"anyOf", json::array{name, in}}});
}

json::object rule() {
  return map_of(
      {{"id", with("names the rule in waivers, messages and logs",
                   {{"type", "string"}, {"pattern", "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}})},
       {"when", with("several keys in one map must all hold", reference("condition"))},
       {"then", choice("the strictest action of all rules that match wins",
                       {"warn", "quarantine", "block"})},
       {"message", line("told to whoever is refused; one line")},
       {"mode", choice("monitor: this rule only records", {"enforce", "monitor"})},
       {"tell", choice("warnings of this rule show in npm's output", {"clients"})},
       {"fixes",
        choice("sooner: a cooldown does not hold a release that is the last good one again, "
               "but for version and documents, by one of its maintainers",
               {"sooner"})}},
      {"id", "when", "then"});
}

json::object waiver() {
  json::object out = map_of(
      {{"package",
        text("name@1.2.3 may waive rules and findings; a name, glob or range findings only")},
       {"rules", with("ids of rules", one_or_many({{"type", "string"}}))},
       {"findings", with("ids of findings", one_or_many(reference("finding")))},
       {"reason", line("why this is no danger, and who says so")},
       {"expires", date("when it must be looked at again")}},
      {"package", "reason", "expires"});
  out["anyOf"] = json::array{json::object{{"required", json::array{"rules"}}},
                             json::object{{"required", json::array{"findings"}}}};
  return out;
}

json::object lists() {
  const json::object file =
      map_of({{"file", text("one name or glob a line, # comments")}}, {"file"});
  const json::object builtin =
      map_of({{"builtin", choice("shipped with npm-gate", {"popular"})}}, {"builtin"});
  const json::object inline_list = list_of({{"type", "string"}});
  return with(
      "named sets of packages, for { in: name }",
      {{"type", "object"},
       {"additionalProperties", json::object{{"oneOf", json::array{inline_list, file, builtin}}}}});
}

json::object freeze() {
  const json::object map =
      map_of({{"date", date("from then on")}, {"except", reference("names")}}, {"date"});
  return with("what appears from this date on is quarantined until approved",
              {{"oneOf", json::array{date("from then on"), map}}});
}

json::object break_glass() {
  return with("serve unjudged until a time; loud in log, metrics and audit trail",
              list_of(map_of({{"packages", reference("names")},
                              {"reason", line("why")},
                              {"by", line("who")},
                              {"until", date("when it ends by itself")}},
                             {"reason", "by", "until"})));
}

}  // namespace

std::string policy_schema() {
  json::object schema =
      map_of({{"version", with("of the policy language", {{"const", 1}})},
              {"mode", choice("monitor: serve everything, record what would have happened",
                              {"enforce", "monitor"})},
              {"tell", choice("all warnings show in npm's output", {"clients"})},
              {"lists", lists()},
              {"include", with("files whose lists, rules and waivers are merged in",
                               one_or_many({{"type", "string"}}))},
              {"rules", list_of(reference("rule"))},
              {"waivers", list_of(reference("waiver"))},
              {"freeze", freeze()},
              {"break_glass", break_glass()}},
             {"version"});
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "npm-gate policy";
  schema["$defs"] = json::object{
      {"finding", finding_id()},    {"names", names()}, {"condition", condition(false)},
      {"negated", condition(true)}, {"rule", rule()},   {"waiver", waiver()}};
  return json::serialize(schema);
}

}  // namespace npmgate

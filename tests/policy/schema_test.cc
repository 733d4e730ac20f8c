// The JSON Schema that editors use says the same as the loader.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>

#include "policy/condition.h"
#include "policy_testing.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

json::object schema() {
  return json::parse(policy_schema()).as_object();
}

std::vector<std::string> keys_of(const json::value& schema_object) {
  std::vector<std::string> keys;
  for (const auto& member : schema_object.at("properties").as_object())
    keys.emplace_back(member.key());
  return keys;
}

TEST(Schema, IsADraft202012SchemaOfAMap) {
  const json::object root = schema();
  EXPECT_EQ(root.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(root.at("type"), "object");
  EXPECT_EQ(root.at("additionalProperties"), false);
  EXPECT_EQ(root.at("required"), json::array{"version"});
}

TEST(Schema, NamesEveryFinding) {
  const json::value definitions = schema().at("$defs");
  std::vector<std::string> ids;
  for (const json::value& choice : definitions.at("finding").at("oneOf").as_array()) {
    ids.emplace_back(choice.at("const").as_string());
    EXPECT_FALSE(choice.at("description").as_string().empty());
  }
  std::vector<std::string> kinds;
  for (const FindingKind& kind : finding_kinds()) kinds.emplace_back(kind.id);
  EXPECT_EQ(ids, kinds);
}

TEST(Schema, NamesEveryConditionAndThoseUnderNot) {
  const json::value definitions = schema().at("$defs");
  std::vector<std::string> all, negated;
  for (const ConditionKey& row : condition_keys()) {
    all.emplace_back(row.key);
    if (row.under_not) negated.emplace_back(row.key);
  }
  EXPECT_EQ(keys_of(definitions.at("condition")), all);
  EXPECT_EQ(keys_of(definitions.at("negated")), negated);
}

// Every reference leads somewhere, and every schema in the tree is an object of known keywords.
void check_references(const json::value& value, const json::object& definitions) {
  if (const auto* array = value.if_array()) {
    for (const json::value& item : *array) check_references(item, definitions);
  } else if (const auto* object = value.if_object()) {
    if (const auto* reference = object->if_contains("$ref");
        reference != nullptr && reference->is_string()) {
      const std::string path(reference->as_string());
      ASSERT_TRUE(path.starts_with("#/$defs/")) << path;
      EXPECT_TRUE(definitions.contains(path.substr(8))) << path;
    }
    for (const auto& member : *object) check_references(member.value(), definitions);
  }
}

TEST(Schema, EveryReferenceLeadsSomewhere) {
  const json::object root = schema();
  check_references(root, root.at("$defs").as_object());
}

// The loader knows exactly the keys of the schema: one that the schema names is no unknown key, and
// the other way round.
struct Place {
  const char* definition;  // "" = the file itself
  const char* before;
  const char* after;
};

TEST(Schema, AndLoaderKnowTheSameKeys) {
  const json::object root = schema();
  for (const Place& place : std::initializer_list<Place>{
           {"", "version: 1\n", ": ~\n"},
           {"rule", "version: 1\nrules: [{ ", ": ~ }]\n"},
           {"waiver", "version: 1\nwaivers: [{ ", ": ~ }]\n"},
           {"condition", "version: 1\nrules: [{ id: r, then: warn, when: { ", ": ~ } }]\n"}}) {
    const json::value part =
        *place.definition ? root.at("$defs").at(place.definition) : json::value(root);
    for (const std::string& key : keys_of(part)) {
      if (key == "version" && !*place.definition) continue;
      const std::string problems = joined(load(place.before + key + place.after).problems);
      EXPECT_EQ(problems.find("unknown"), std::string::npos) << problems;
    }
    const std::string problems =
        joined(load(std::string(place.before) + "nonsense" + place.after).problems);
    EXPECT_NE(problems.find("unknown"), std::string::npos) << place.definition;
  }
}

}  // namespace
}  // namespace npmgate::testing

// Evidence as JSON: what is written reads back equal, and nothing else is read.
#include "inspect/evidence/evidence.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>

#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

Manifest full_manifest() {
  Manifest manifest;
  manifest.name = "@acme/tool";
  manifest.version = "1.2.3-beta.1+x";
  manifest.scripts = {{"postinstall", "node -e \"console.log('a\\n')\""}, {"", "empty name"}};
  manifest.dependencies = {{"a", "^1.0.0"}, {"b", ""}};
  manifest.optional_dependencies = {{"o", "1"}};
  manifest.peer_dependencies = {{"p", "*"}};
  manifest.dev_dependencies = {{"d", "git+ssh://x.example/d.git"}};
  manifest.bundled = {"a", "b"};
  manifest.bin = {{"tool", "bin/tool.js"}};
  manifest.gypfile = false;
  manifest.repository = Repository{"git+https://git.example/acme/tool.git", "packages/tool"};
  manifest.license = "MIT";
  manifest.deprecated = "use \xC3\xBC";
  manifest.main = "lib";
  manifest.description = "d";
  manifest.engines = {{"node", ">=18"}};
  manifest.os = {"linux", "!win32"};
  manifest.cpu = {"x64"};
  manifest.libc = {"glibc"};
  return manifest;
}

Release full_release() {
  Release release;
  release.manifest = full_manifest();
  release.dist = {.tarball = "https://registry.example/@acme/tool/-/tool-1.2.3.tgz",
                  .integrity = "sha512-AA==",
                  .shasum = "00",
                  .unpacked_size = std::numeric_limits<std::uint64_t>::max(),
                  .file_count = 0,
                  .signatures = std::vector<Dist::Signature>{{"SHA256:k", "s"}, {"", ""}},
                  .attestations_url = "https://registry.example/-/npm/v1/attestations/x",
                  .provenance_predicate = "https://slsa.example/v1"};
  release.published = parse_time("2021-10-22T12:15:21.378Z");
  release.publisher = Publisher{{"ci", "ci@acme.example"}, "github", "alice"};
  release.maintainers = std::vector<Person>{{"alice", "a@acme.example"}, {"bob", ""}};
  release.git_head = "0123456789abcdef";
  release.has_install_script = true;
  release.has_shrinkwrap = true;
  release.refusal = JsonRefusal{"dist", "dist.shasum has a type"};
  return release;
}

Evidence full_evidence() {
  Evidence evidence;
  evidence.name = "@acme/tool";
  evidence.version = "1.2.3-beta.1+x";
  evidence.tarball_sha512 = std::string(128, 'a');
  evidence.manifest_sha256 = std::string(64, 'b');
  evidence.tarball_size = 12345;
  evidence.gathered = *parse_time("2026-11-23T10:00:00.001Z");
  evidence.release = full_release();
  evidence.integrity = {true, false, "sha512", "sha512-AA==", "sha512-BB=="};
  evidence.archive_refusal = ArchiveRefusal{true, "unpacked-size", "more than 512 MiB"};
  evidence.package_json_refusal = JsonRefusal{"duplicate-key", "scripts at byte 17"};
  evidence.unavailable = {{"baseline", "no release before it"}, {"git-tags", "timeout"}};
  auto& tree = evidence.tree;
  tree.top = "package";
  tree.unpacked_size = 99;
  tree.entries = 4;
  tree.links = {{"lib/index.js", "a.js"}};
  tree.package_json = full_manifest();
  tree.bundled = {{"node_modules/x", full_manifest(), true, std::nullopt},
                  {"node_modules/y", {}, false, JsonRefusal{"not-json", "at byte 0"}}};
  tree.hooks = {{"postinstall", "node a", {"a.js", "b.js"}, {"c"}, {"shell"}, {"h.example"}},
                {"node-gyp", "node-gyp rebuild", {}, {}, {}, {}}};
  tree.has_binding_gyp = true;
  tree.has_shrinkwrap = true;
  tree.package_json_rest = std::string(64, 'd');
  tree.hooks[0].inputs = {"list.json"};
  tree.hooks[0].urls = {"https://a.example/v#"};
  tree.hooks[0].settings = {{"binary", "{}"}};
  CodeFeatures code{5.1234, 10, 20, 30, 40, 50, {"eval", "shell"}, {"a.example", "b.example"}};
  CodeFeatures hidden = code;
  hidden.hidden_blanks = 200;
  hidden.bigram_entropy = 980;
  hidden.odd_density = 64;
  hidden.mixed_names = 1;
  hidden.symbol_run = 300;
  tree.files = {{"a.js", 0755, 77, std::string(64, 'c'), FileKind::kScript, code},
                {"b.node", 0644, std::numeric_limits<std::uint64_t>::max(), std::string(64, 'd'),
                 FileKind::kNative, std::nullopt},
                {"c.js", 0644, 78, std::string(64, 'e'), FileKind::kScript, hidden},
                {"package.json", 0, 0, "", FileKind::kJson, std::nullopt}};
  return evidence;
}

// Through text, as the store does it.
Result<Evidence> round_trip(const Evidence& evidence) {
  return evidence_from_json(json::parse(json::serialize(to_json(evidence))));
}

TEST(EvidenceJson, RoundTripIsExact) {
  const auto evidence = full_evidence();
  const auto back = round_trip(evidence);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, evidence);
}

TEST(EvidenceJson, RoundTripOfNothing) {
  const Evidence evidence;
  const auto back = round_trip(evidence);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, evidence);
}

TEST(EvidenceJson, IsVersioned) {
  const auto value = to_json(full_evidence());
  EXPECT_EQ(value.at("evidence"), 1);
  EXPECT_EQ(value.at("inspector"), kInspectorVersion);
}

// Every optional member alone, absent and empty: "unknown" must never come back as "none".
struct OptionalCase {
  const char* name;
  void (*set)(Evidence&);
};
class OptionalMembers : public ::testing::TestWithParam<OptionalCase> {};
TEST_P(OptionalMembers, KeepTheirState) {
  Evidence evidence;
  GetParam().set(evidence);
  EXPECT_NE(evidence, Evidence{});
  const auto back = round_trip(evidence);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, evidence);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, OptionalMembers,
    ::testing::Values(
        OptionalCase{"gypfile_false", [](Evidence& e) { e.release.manifest.gypfile = false; }},
        OptionalCase{"repository_empty",
                     [](Evidence& e) { e.release.manifest.repository = Repository{}; }},
        OptionalCase{"deprecated_empty", [](Evidence& e) { e.release.manifest.deprecated = ""; }},
        OptionalCase{"size_zero", [](Evidence& e) { e.release.dist.unpacked_size = 0; }},
        OptionalCase{"signatures_empty", [](Evidence& e) { e.release.dist.signatures.emplace(); }},
        OptionalCase{"attestations_empty",
                     [](Evidence& e) { e.release.dist.attestations_url = ""; }},
        OptionalCase{"predicate_empty",
                     [](Evidence& e) { e.release.dist.provenance_predicate = ""; }},
        OptionalCase{"publisher_empty", [](Evidence& e) { e.release.publisher = Publisher{}; }},
        OptionalCase{"approver_empty",
                     [](Evidence& e) {
                       e.release.publisher = Publisher{{}, std::nullopt, ""};
                     }},
        OptionalCase{"maintainers_empty", [](Evidence& e) { e.release.maintainers.emplace(); }},
        OptionalCase{"git_head_empty", [](Evidence& e) { e.release.git_head = ""; }},
        OptionalCase{"install_script_false",
                     [](Evidence& e) { e.release.has_install_script = false; }},
        OptionalCase{"published_epoch", [](Evidence& e) { e.release.published = Time{}; }},
        OptionalCase{"published_before",
                     [](Evidence& e) { e.release.published = Time(Millis(-1)); }},
        OptionalCase{"published_never",
                     [](Evidence& e) {
                       e.release.published = Time(Millis(std::numeric_limits<std::int64_t>::min()));
                     }},
        OptionalCase{"gathered_far",
                     [](Evidence& e) {
                       e.gathered = Time(Millis(std::numeric_limits<std::int64_t>::max()));
                     }},
        OptionalCase{"integrity_unchecked",
                     [](Evidence& e) {
                       e.integrity = {true, true, "", "", ""};
                     }},
        OptionalCase{"archive_refusal_empty",
                     [](Evidence& e) { e.archive_refusal = ArchiveRefusal{}; }},
        OptionalCase{"package_json_refusal_empty",
                     [](Evidence& e) { e.package_json_refusal = JsonRefusal{}; }},
        OptionalCase{"inspector", [](Evidence& e) { e.inspector = 0; }},
        OptionalCase{"code_empty",
                     [](Evidence& e) {
                       e.tree.files = {{"a", 0, 0, "", FileKind::kOther, CodeFeatures{}, {}, {}}};
                     }}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(EvidenceJson, KeepsEveryBitOfNumbers) {
  for (const double entropy : {0.1, 1.0 / 3, 7.999999999999999, 5e-324, std::nextafter(4.0, 5.0)}) {
    Evidence evidence;
    evidence.tree.files = {{"a.js", 0, 0, "", FileKind::kScript, CodeFeatures{}, {}, {}}};
    evidence.tree.files[0].code->entropy = entropy;
    const auto back = round_trip(evidence);
    ASSERT_TRUE(back.has_value()) << entropy;
    EXPECT_EQ(back->tree.files[0].code->entropy, entropy);
  }
}

TEST(EvidenceJson, KeepsEveryFileKind) {
  Evidence evidence;
  for (const auto kind : {FileKind::kOther, FileKind::kScript, FileKind::kShell, FileKind::kJson,
                          FileKind::kText, FileKind::kNative})
    evidence.tree.files.push_back({"f", 0, 0, "", kind, std::nullopt, {}, {}});
  EXPECT_EQ(*round_trip(evidence), evidence);
}

// A file that is no code takes little more than its path and digest.
TEST(EvidenceJson, IsCompact) {
  Evidence small, large;
  for (int i = 0; i < 1000; ++i)
    large.tree.files.push_back({"dist/some/file.txt",
                                0644,
                                1234,
                                std::string(64, 'a'),
                                FileKind::kText,
                                std::nullopt,
                                {},
                                {}});
  const auto bytes =
      json::serialize(to_json(large)).size() - json::serialize(to_json(small)).size();
  EXPECT_LT(bytes / 1000, 64u + 18u + 35u);
}

bool is_corrupt(const json::value& value) {
  const auto result = evidence_from_json(value);
  return result.has_error() && result.error().code == Code::kCorrupt;
}

TEST(CorruptEvidence, IsAnythingElse) {
  for (const char* text :
       {"null", "[]", "{}", "1", "\"x\"", R"({"evidence": 1})", R"({"evidence": 2})"})
    EXPECT_TRUE(is_corrupt(json::parse(text))) << text;
}

struct CorruptCase {
  const char* name;
  void (*spoil)(json::object&);
};
class Corrupt : public ::testing::TestWithParam<CorruptCase> {};
TEST_P(Corrupt, IsRefused) {
  auto value = to_json(full_evidence());
  ASSERT_FALSE(is_corrupt(value));
  GetParam().spoil(value.as_object());
  EXPECT_TRUE(is_corrupt(value)) << json::serialize(value);
}
json::value& first_code(json::object& root) {
  return root["tree"].as_object()["files"].as_array()[0].as_array()[5];
}
INSTANTIATE_TEST_SUITE_P(
    Rows, Corrupt,
    ::testing::Values(
        CorruptCase{"later_version", [](json::object& o) { o["evidence"] = 2; }},
        CorruptCase{"unknown_member", [](json::object& o) { o["extra"] = 1; }},
        CorruptCase{"negative", [](json::object& o) { o["size"] = -1; }},
        CorruptCase{"fraction", [](json::object& o) { o["size"] = 1.5; }},
        CorruptCase{"large_inspector", [](json::object& o) { o["inspector"] = 1LL << 40; }},
        CorruptCase{"other_time", [](json::object& o) { o["gathered"] = "2026-11-23T10:00:00Z"; }},
        CorruptCase{"no_time", [](json::object& o) { o["gathered"] = "yesterday"; }},
        CorruptCase{"short_file",
                    [](json::object& o) {
                      o["tree"].as_object()["files"].as_array()[0].as_array().resize(4);
                    }},
        CorruptCase{"long_file",
                    [](json::object& o) {
                      o["tree"].as_object()["files"].as_array()[0].as_array().push_back(1);
                    }},
        CorruptCase{"other_kind",
                    [](json::object& o) {
                      o["tree"].as_object()["files"].as_array()[0].as_array()[4] = "exe";
                    }},
        CorruptCase{"large_mode",
                    [](json::object& o) {
                      o["tree"].as_object()["files"].as_array()[0].as_array()[1] = 1LL << 33;
                    }},
        CorruptCase{"entropy_number",
                    [](json::object& o) { first_code(o).as_array()[0] = 5.1234; }},
        CorruptCase{"entropy_large", [](json::object& o) { first_code(o).as_array()[0] = "8.1"; }},
        CorruptCase{"entropy_none", [](json::object& o) { first_code(o).as_array()[0] = "nan"; }},
        CorruptCase{"entropy_spelled_otherwise",
                    [](json::object& o) { first_code(o).as_array()[0] = "5.12340"; }},
        CorruptCase{"trait_number",
                    [](json::object& o) { first_code(o).as_array()[6].as_array()[0] = 1; }}),
    [](const auto& row) { return std::string(row.param.name); });

// Walks a copy of the document and puts `change` to every value in it, one at a time.
template <class Change, class Check>
void at_every_value(json::value& root, json::value& here, const Change& change,
                    const Check& check) {
  if (auto* object = here.if_object()) {
    for (auto& member : *object) at_every_value(root, member.value(), change, check);
  } else if (auto* array = here.if_array()) {
    for (auto& element : *array) at_every_value(root, element, change, check);
  }
  const json::value before = here;
  change(here);
  if (here != before) check(root, before);
  here = before;
}

// A changed value is refused, or it is another evidence that is written again just so: never
// something in between.
TEST(CorruptEvidence, EveryValueOfAnotherType) {
  for (const json::value& other :
       {json::value(nullptr), json::value(true), json::value(-1), json::value(0.5),
        json::value("x"), json::value(json::array()), json::value(json::object())}) {
    auto root = to_json(full_evidence());
    std::size_t checked = 0;
    at_every_value(
        root, root, [&](json::value& here) { here = other; },
        [&](const json::value& changed, const json::value&) {
          ++checked;
          const auto result = evidence_from_json(changed);
          if (result.has_value()) {
            EXPECT_EQ(to_json(*result), changed);
          } else {
            EXPECT_EQ(result.error().code, Code::kCorrupt);
          }
        });
    EXPECT_GT(checked, 100u);
  }
}

TEST(CorruptEvidence, EveryMemberMissing) {
  auto root = to_json(full_evidence());
  std::size_t refused = 0, read = 0;
  const auto drop_each = [&](json::value& here) {
    auto* object = here.if_object();
    if (object == nullptr) return;
    const json::object whole = *object;
    for (const auto& member : whole) {
      object->erase(member.key());
      const auto result = evidence_from_json(root);
      result.has_value() ? ++read : ++refused;
      if (result.has_value()) {
        EXPECT_EQ(to_json(*result), root) << member.key();
      }
      *object = whole;
    }
  };
  at_every_value(root, root, drop_each, [](const json::value&, const json::value&) {});
  EXPECT_GT(refused, 30u);
  EXPECT_GT(read, 30u);  // optional members
}

TEST(ManifestJson, UsesNpmsNamesAndLeavesOutNothingness) {
  EXPECT_EQ(json::serialize(to_json(Manifest{})), "{}");
  const auto value = to_json(full_manifest());
  EXPECT_EQ(value.at("bundleDependencies").as_array().size(), 2u);
  EXPECT_EQ(value.at("repository").at("directory"), "packages/tool");
  EXPECT_EQ(value.at("gypfile"), false);
}

TEST(ReleaseJson, ShowsTimesForPeople) {
  const auto value = to_json(full_release());
  EXPECT_EQ(value.at("published"), "2021-10-22T12:15:21.378Z");
  EXPECT_EQ(value.at("publisher").at("trustedPublisher"), "github");
}

TEST(ContentId, JoinsBothDigests) {
  EXPECT_EQ(full_evidence().content_id(), std::string(128, 'a') + ":" + std::string(64, 'b'));
}

}  // namespace
}  // namespace npmgate

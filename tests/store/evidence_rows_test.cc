#include <boost/json/serialize.hpp>

#include "store/sqlite/open_state_store.h"
#include "store/sqlite/sqlite.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

Evidence evidence_for(const std::string& version, const std::string& sha512, int inspector = 1) {
  Evidence out;
  out.inspector = inspector;
  out.name = "left";
  out.version = version;
  out.tarball_sha512 = sha512;
  out.manifest_sha256 = "mm";
  out.tarball_size = 1'234;
  out.gathered = at(1'700'000'000'001);
  out.release.manifest.name = "left";
  out.release.manifest.version = version;
  out.release.manifest.scripts = {{"postinstall", "node \"x\".js"}};
  out.release.dist.integrity = "sha512-abc";
  out.release.published = at(5);
  out.integrity.checked = true;
  out.integrity.algorithm = "sha512";
  out.unavailable = {{"provenance", "timeout"}};
  out.tree.top = "package";
  FileFacts file;
  file.path = "index.js";
  file.size = 12;
  file.sha256 = "ff";
  file.kind = FileKind::kScript;
  file.code.emplace();
  file.code->lines = 3;
  file.code->entropy = 4.25;
  file.code->traits = {"network"};
  out.tree.files = {file};
  return out;
}

class EvidenceRows : public StateStoreSuite {};
INSTANTIATE_TEST_SUITE_P(Both, EvidenceRows,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

TEST_P(EvidenceRows, RoundTripIsExact) {
  const Evidence evidence = evidence_for("1.0.0", "aa");
  must(store().put_evidence(evidence));
  reopen();
  const auto back = must(store().evidence("left", "1.0.0", "aa:mm"));
  ASSERT_NE(back, nullptr);
  EXPECT_TRUE(*back == evidence);
  EXPECT_EQ(back->content_id(), "aa:mm");
}

TEST_P(EvidenceRows, AbsentIsNull) {
  must(store().put_evidence(evidence_for("1.0.0", "aa")));
  EXPECT_EQ(must(store().evidence("left", "1.0.0", "bb:mm")), nullptr);
  EXPECT_EQ(must(store().evidence("left", "1.0.1", "aa:mm")), nullptr);
  EXPECT_EQ(must(store().evidence("right", "1.0.0", "aa:mm")), nullptr);
  EXPECT_TRUE(must(store().evidence_of("right")).empty());
}

TEST_P(EvidenceRows, AllOfAPackageOncePerContent) {
  must(store().put_evidence(evidence_for("1.0.0", "aa")));
  must(store().put_evidence(evidence_for("1.0.0", "bb")));  // republished
  must(store().put_evidence(evidence_for("2.0.0", "aa")));  // the same bytes as another version
  Evidence other = evidence_for("1.0.0", "aa");
  other.name = "right";
  must(store().put_evidence(other));
  std::vector<std::string> seen;
  for (const auto& evidence : must(store().evidence_of("left"))) {
    seen.push_back(evidence->version + " " + evidence->tarball_sha512);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"1.0.0 aa", "1.0.0 bb", "2.0.0 aa"}));
}

TEST_P(EvidenceRows, PutAgainReplaces) {
  must(store().put_evidence(evidence_for("1.0.0", "aa")));
  Evidence again = evidence_for("1.0.0", "aa");
  again.unavailable.clear();
  must(store().put_evidence(again));
  EXPECT_TRUE(must(store().evidence("left", "1.0.0", "aa:mm"))->unavailable.empty());
  EXPECT_EQ(must(store().evidence_of("left")).size(), 1U);
}

// The rows below are made by hand: a build knows one inspector only.
class EvidenceFile : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = must(open_state_store(dir_.path()));
    other_ = must(Connection::open(dir_.path("state.db"), {false, false, Millis(1000)}));
  }
  void insert(int inspector, const std::string& text) {
    Statement row(*other_,
                  "INSERT INTO evidence (name, version, content_id, inspector, gathered, json)"
                  " VALUES ('left', '1.0.0', 'aa:mm', ?1, 0, ?2)");
    row.run(inspector, text);
    must(row.result());
  }
  static std::string text(std::uint64_t size) {
    Evidence evidence = evidence_for("1.0.0", "aa");
    evidence.tarball_size = size;
    return boost::json::serialize(to_json(evidence));
  }
  TempDir dir_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<Connection> other_;
};

TEST_F(EvidenceFile, TheNewestInspectorIsReturned) {
  insert(-1, text(100));
  insert(0, text(200));
  EXPECT_EQ(must(store_->evidence("left", "1.0.0", "aa:mm"))->tarball_size, 200U);
  const auto all = must(store_->evidence_of("left"));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]->tarball_size, 200U);
}

TEST_F(EvidenceFile, ANewInspectorsEvidenceReplacesTheOld) {
  insert(0, text(200));
  must(store_->put_evidence(evidence_for("1.0.0", "aa")));
  EXPECT_EQ(must(other_->query_integer("SELECT count(*) FROM evidence")), 1);
  EXPECT_EQ(must(store_->evidence("left", "1.0.0", "aa:mm"))->tarball_size, 1'234U);
}

TEST_F(EvidenceFile, UnreadableIsAbsentAndAnOlderReadableOneStandsIn) {
  for (const char* damaged : {"", "{", "[]", "{}", R"({"format":999})"}) {
    SCOPED_TRACE(damaged);
    must(other_->execute("DELETE FROM evidence"));
    insert(7, damaged);
    EXPECT_EQ(must(store_->evidence("left", "1.0.0", "aa:mm")), nullptr);
    EXPECT_TRUE(must(store_->evidence_of("left")).empty());
    insert(1, text(300));
    EXPECT_EQ(must(store_->evidence("left", "1.0.0", "aa:mm"))->tarball_size, 300U);
    ASSERT_EQ(must(store_->evidence_of("left")).size(), 1U);
  }
}

// ---- git tags ----

TEST_P(EvidenceRows, TagsRoundTripAndReplace) {
  TagEvidence tag;
  tag.state = TagEvidence::State::kMissing;
  tag.repository = "https://git.example/a";
  tag.tagged_versions = {"0.9.0"};
  tag.asked = at(10);
  must(store().put_tag("left", "1.0.0", tag));
  must(store().put_tag("left", "1.0.1", tag));
  must(store().put_tag("right", "1.0.0", tag));
  tag.state = TagEvidence::State::kFound;
  tag.commit = "abc";
  must(store().put_tag("left", "1.0.0", tag));
  reopen();
  const auto tags = must(store().tags_of("left"));
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags.at("1.0.0"), tag);
  EXPECT_EQ(tags.at("1.0.1").state, TagEvidence::State::kMissing);
  EXPECT_TRUE(must(store().tags_of("nobody")).empty());
}

TEST_P(EvidenceRows, ObservationsRoundTripAndReplace) {
  must(store().put_observation("left", "1.0.0", "{}"));
  must(store().put_observation("left", "1.0.1", "[1]"));
  must(store().put_observation("right", "1.0.0", "[2]"));
  must(store().put_observation("left", "1.0.0", "[3]"));
  reopen();
  EXPECT_EQ(must(store().observations_of("left")), (StringMap{{"1.0.0", "[3]"}, {"1.0.1", "[1]"}}));
  EXPECT_TRUE(must(store().observations_of("nobody")).empty());
}

}  // namespace
}  // namespace npmgate::test

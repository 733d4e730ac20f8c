// What provenance attestations say, and everything that is not believed of them.
#include "registry/provenance.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace npmgate {
namespace {

const std::string kSha512(128, 'a');
const AttestedRelease kRelease{"@acme/lib", "1.2.3", kSha512};
constexpr const char* kV1 = "https://slsa.dev/provenance/v1";
constexpr const char* kV02 = "https://slsa.dev/provenance/v0.2";

std::string base64(const std::string& text) {
  return base64_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string attestation(const std::string& predicate, const std::string& payload,
                        const std::string& signatures = R"([{"sig":"AA=="}])",
                        const std::string& type = "application/vnd.in-toto+json") {
  return R"({"predicateType":")" + predicate + R"(","bundle":{"dsseEnvelope":{"payload":")" +
         base64(payload) + R"(","payloadType":")" + type + R"(","signatures":)" + signatures +
         "}}}";
}

std::string answer(const std::string& attestations) {
  return R"({"attestations":[)" + attestations + "]}";
}

std::string statement(const std::string& predicate_type, const std::string& predicate,
                      const std::string& url = "pkg:npm/%40acme/lib@1.2.3",
                      const std::string& sha512 = kSha512) {
  return R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":")" + url +
         R"(","digest":{"sha512":")" + sha512 + R"("}}],"predicateType":")" + predicate_type +
         R"(","predicate":)" + predicate + "}";
}

constexpr const char* kBuild =
    R"({"buildDefinition":{"externalParameters":{"workflow":{"ref":"refs/heads/main",)"
    R"("repository":"https://git.example/acme/lib","path":".github/workflows/release.yml"}},)"
    R"("resolvedDependencies":[{"uri":"git+https://git.example/acme/lib@refs/heads/main",)"
    R"("digest":{"gitCommit":"c0ffee"}}]},"runDetails":{"builder":{"id":"https://git.example/runner"}}})";
constexpr const char* kOldBuild =
    R"({"builder":{"id":"https://git.example/runner"},"invocation":{"configSource":{)"
    R"("uri":"git+https://git.example/acme/lib@refs/heads/main","digest":{"sha1":"c0ffee"},)"
    R"("entryPoint":".github/workflows/release.yml"}}})";

std::string v1(const std::string& predicate = kBuild) {
  return answer(attestation(kV1, statement(kV1, predicate)));
}

Provenance expected(std::string predicate) {
  return {std::move(predicate),
          "https://git.example/acme/lib",
          ".github/workflows/release.yml",
          "refs/heads/main",
          "c0ffee",
          "https://git.example/runner"};
}

TEST(Provenance, IsReadFromBothVersions) {
  const auto now = read_provenance(v1(), kRelease);
  ASSERT_TRUE(now) << to_string(now.error());
  EXPECT_EQ(*now, expected(kV1));
  const auto old = read_provenance(answer(attestation(kV02, statement(kV02, kOldBuild))), kRelease);
  ASSERT_TRUE(old) << to_string(old.error());
  EXPECT_EQ(*old, expected(kV02));
}

TEST(Provenance, StandsAmongOtherAttestations) {
  const std::string publish =
      attestation("https://registry.example/attestation/publish/v0.1", "{}");
  const auto read = read_provenance(
      answer(publish + "," + attestation(kV1, statement(kV1, kBuild)) + "," + publish), kRelease);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(*read, expected(kV1));
  const auto none = read_provenance(answer(publish), kRelease);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
}

TEST(Provenance, OfAnotherBuildTypeNamesAtLeastItsSource) {
  const auto read = read_provenance(
      v1(R"({"buildDefinition":{"externalParameters":{},"resolvedDependencies":[)"
         R"({"uri":"git+https://git.example/acme/lib@refs/tags/v1","digest":{"gitCommit":"beef"}}]}})"),
      kRelease);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(*read,
            (Provenance{kV1, "https://git.example/acme/lib", "", "refs/tags/v1", "beef", ""}));
}

struct RefusedRow {
  const char* name;
  std::string answer;
  Code code;
};
class Refused : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(Refused, WithItsCode) {
  const auto read = read_provenance(GetParam().answer, kRelease);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code) << read.error().context;
}

std::string with_subject(const std::string& url, const std::string& sha512 = kSha512) {
  return answer(attestation(kV1, statement(kV1, kBuild, url, sha512)));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, Refused,
    ::testing::Values(
        RefusedRow{"other_name", with_subject("pkg:npm/%40acme/other@1.2.3"),
                   Code::kIntegrityMismatch},
        RefusedRow{"other_version", with_subject("pkg:npm/%40acme/lib@1.2.4"),
                   Code::kIntegrityMismatch},
        RefusedRow{"other_bytes", with_subject("pkg:npm/%40acme/lib@1.2.3", std::string(128, 'b')),
                   Code::kIntegrityMismatch},
        RefusedRow{"no_digest", with_subject("pkg:npm/%40acme/lib@1.2.3", ""),
                   Code::kIntegrityMismatch},
        RefusedRow{
            "name_and_bytes_in_two_subjects",
            answer(attestation(
                kV1, R"({"subject":[{"name":"pkg:npm/%40acme/lib@1.2.3"},{"digest":{"sha512":")" +
                         kSha512 + R"("}}],"predicateType":")" + kV1 + R"(","predicate":)" +
                         kBuild + "}")),
            Code::kIntegrityMismatch},
        RefusedRow{"nothing", answer(""), Code::kNotFound},
        RefusedRow{"two",
                   answer(attestation(kV1, statement(kV1, kBuild)) + "," +
                          attestation(kV02, statement(kV02, kOldBuild))),
                   Code::kMalformed},
        RefusedRow{"kind_inside_is_another", answer(attestation(kV1, statement(kV02, kOldBuild))),
                   Code::kMalformed},
        RefusedRow{"unknown_version",
                   answer(attestation("https://slsa.dev/provenance/v9",
                                      statement("https://slsa.dev/provenance/v9", kBuild))),
                   Code::kMalformed},
        RefusedRow{"not_signed", answer(attestation(kV1, statement(kV1, kBuild), "[]")),
                   Code::kMalformed},
        RefusedRow{"other_payload",
                   answer(attestation(kV1, statement(kV1, kBuild), "[1]", "application/json")),
                   Code::kMalformed},
        RefusedRow{"repeated_key",
                   answer(attestation(kV1, statement(kV1, std::string(R"({"buildDefinition":{},)") +
                                                              (kBuild + 1)))),
                   Code::kMalformed},
        RefusedRow{"no_repository", v1("{}"), Code::kMalformed},
        RefusedRow{"predicate_is_text", v1("\"x\""), Code::kMalformed},
        RefusedRow{
            "control_character",
            v1(R"({"buildDefinition":{"externalParameters":{"workflow":{"repository":"a\u001bb"}}}})"),
            Code::kMalformed},
        RefusedRow{"endless_text",
                   v1(R"({"buildDefinition":{"externalParameters":{"workflow":{"repository":")" +
                      std::string(2000, 'x') + R"("}}}})"),
                   Code::kMalformed},
        RefusedRow{
            "payload_is_no_base64",
            R"({"attestations":[{"predicateType":"https://slsa.dev/provenance/v1","bundle":)"
            R"({"dsseEnvelope":{"payload":"{}","payloadType":"application/vnd.in-toto+json",)"
            R"("signatures":[{}]}}}]})",
            Code::kMalformed},
        RefusedRow{
            "empty_bundle",
            R"({"attestations":[{"predicateType":"https://slsa.dev/provenance/v1","bundle":{}}]})",
            Code::kMalformed},
        RefusedRow{"list", "[]", Code::kMalformed}, RefusedRow{"empty", "", Code::kMalformed},
        RefusedRow{"not_json", "<html>", Code::kMalformed}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Provenance, IsReadWholeOrNotAtAll) {
  const std::string whole = v1();
  for (std::size_t cut = 0; cut < whole.size(); cut += 7)
    EXPECT_FALSE(read_provenance(whole.substr(0, cut), kRelease)) << cut;
}

TEST(Provenance, OfUnknownBytesIsNoProof) {
  EXPECT_FALSE(
      read_provenance(with_subject("pkg:npm/%40acme/lib@1.2.3", ""), {"@acme/lib", "1.2.3", ""}));
}

}  // namespace
}  // namespace npmgate

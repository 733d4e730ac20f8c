// Attestations: whatever the registry hands out, what is believed is a statement about the release
// that was asked for. An odd first byte: a whole answer; an even one: the statement in its
// envelope.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "base/digest.h"
#include "registry/provenance.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/strict_json.h"

namespace npmgate::fuzz {
namespace {

const AttestedRelease kRelease{"@s/n", "1.0.0", "00ff"};

std::string enveloped(std::string_view statement, std::string_view predicate) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(statement.data());
  return R"({"attestations":[{"predicateType":")" + std::string(predicate) +
         R"(","bundle":{"dsseEnvelope":{"payloadType":"application/vnd.in-toto+json","payload":")" +
         base64_encode({data, statement.size()}) + R"(","signatures":[{"sig":"AA=="}]}}}]})";
}

bool is_plain(const std::string& text) {
  return text.size() <= 1024 &&
         text.find_first_of(std::string_view("\0\n\r\x1b\x7f", 5)) == text.npos;
}

// The subject as another reader finds it in the same text.
bool is_about_the_release(const boost::json::value& statement) {
  for (const auto& subject : statement.at("subject").as_array()) {
    const auto* object = subject.if_object();
    const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
    const auto* digest = object != nullptr ? object->if_contains("digest") : nullptr;
    if (name == nullptr || digest == nullptr || !digest->is_object()) continue;
    const auto* sha512 = digest->get_object().if_contains("sha512");
    if (sha512 != nullptr && *name == "pkg:npm/%40s/n@1.0.0" && *sha512 == "00ff") return true;
  }
  return false;
}

void check(const Result<Provenance>& read) {
  if (!read) {
    NPM_GATE_PROMISE(!read.error().context.empty());
    return;
  }
  NPM_GATE_PROMISE(!read->repository.empty());
  for (const std::string* text : {&read->predicate, &read->repository, &read->workflow, &read->ref,
                                  &read->commit, &read->builder})
    NPM_GATE_PROMISE(is_plain(*text));
}

void run(std::string_view input) {
  if (take_choice(input) % 2 == 1) {
    check(read_provenance(input, kRelease));
    return;
  }
  for (const char* predicate :
       {"https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"}) {
    const auto read = read_provenance(enveloped(input, predicate), kRelease);
    check(read);
    if (!read) continue;
    NPM_GATE_PROMISE(read->predicate == predicate);
    const JsonOpinion opinion = json_opinion(input);
    if (opinion.no_opinion) continue;
    NPM_GATE_PROMISE(opinion.valid && !opinion.duplicates);
    NPM_GATE_PROMISE(is_about_the_release(json_value(input)));
  }
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}

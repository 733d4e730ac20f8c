// Facts gathered about a release beside its tarball, which can change later; absent = not asked or
// unknown.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/findings/findings.h"

namespace npmgate {

struct ExternalEvidence {
  ExternalEvidence() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::optional<TagEvidence> tag;
  std::optional<bool> signature_valid;
  // By version: the release's own attestation and that of the baseline it was compared with.
  std::map<std::string, ProvenanceEvidence, std::less<>> provenance;
  SourceEvidences sources;  // likewise
  std::optional<BranchEvidence> branch;
  std::map<std::string, PackageHistory::DependencyAge, std::less<>> dependency_ages;
  std::vector<Unavailable> unavailable;  // what was not available, and why
  Time asked{};                          // when all of it was last asked for
};

// Whether both say the same, whenever they were asked.
bool same_facts(const ExternalEvidence& a, const ExternalEvidence& b);

// All but the tag, which is stored by itself, as one JSON text; and back. kCorrupt on anything that
// the former did not write.
std::string observations_to_text(const ExternalEvidence& observations);
Result<ExternalEvidence> observations_from_text(std::string_view text);

// Whether the packument names an attestation of `release` that was not read: it was not available,
// or came after the release was looked at.
bool has_unread_attestation(const ExternalEvidence& observations, const Release& release);

// When to ask again; nullopt: never. What is missing or unknown is asked for again after `cache`,
// what was found (a tag can move) after six times as long, until the release is older than
// `recent`. `release` as the packument states it now.
std::optional<Time> ask_again_at(const ExternalEvidence& observations, const Release& release,
                                 Time age_start, Millis recent, Millis cache);

}  // namespace npmgate

// What the upstream says about the release, beside what its bytes say: mismatches, refusals,
// notices.
#include <algorithm>
#include <set>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

Finding refusal(std::string_view id, std::string_view what, const std::string& rule,
                const std::string& detail, std::string_view source = "tarball") {
  return make(id, find_kind(id)->severity, source, std::string(what) + " (" + rule + "): " + detail,
              {{"rule", rule}, {"detail", proof_text(detail)}});
}

// The tree is there under both names of every link. Judging lets old releases have them (judge.cc).
std::vector<Finding> only_links(const Tree& tree) {
  if (tree.links.empty()) return {};
  constexpr std::size_t kShown = 20;
  boost::json::array links;
  for (const TreeLink& link : tree.links) {
    if (links.size() == kShown) break;
    links.push_back(
        boost::json::object{{"path", proof_text(link.path)}, {"target", proof_text(link.target)}});
  }
  const TreeLink& first = tree.links.front();
  return {make("archive-refused", Severity::kMedium, "tarball",
               "the tarball has " + std::to_string(tree.links.size()) +
                   " links that npm drops and others make (" + first.path + " to " + first.target +
                   ")",
               {{"rule", kLinkRule}, {"links", std::move(links)}})};
}

// Every digest under its algorithm; shasum stands in if there is no integrity.
std::set<std::pair<Algorithm, std::string>> digests_of(std::string_view integrity,
                                                       std::string_view shasum) {
  std::set<std::pair<Algorithm, std::string>> out;
  for (const Digest& digest : parse_integrity(integrity)) {
    out.emplace(digest.algorithm, digest.hex());
  }
  if (shasum.size() == 2 * digest_size(Algorithm::kSha1)) {
    out.emplace(Algorithm::kSha1, lower_ascii(shasum));
  }
  return out;
}

}  // namespace

std::vector<Finding> integrity_mismatch(const Comparison& sides) {
  if (sides.evidence == nullptr) return {};
  const IntegrityFact& fact = sides.evidence->integrity;
  if (!fact.checked || fact.matches) return {};
  return {
      make("integrity-mismatch", Severity::kCritical, "tarball",
           "the bytes do not match the packument's " + fact.algorithm,
           {{"algorithm", fact.algorithm}, {"expected", fact.expected}, {"actual", fact.actual}})};
}

std::vector<Finding> archive_refused(const Comparison& sides) {
  if (sides.evidence == nullptr) return {};
  if (!sides.evidence->archive_refusal) return only_links(sides.evidence->tree);
  if (sides.evidence->archive_refusal->over_limit) return {};
  const ArchiveRefusal& why = *sides.evidence->archive_refusal;
  return {
      refusal("archive-refused", "clients would disagree about the tarball", why.rule, why.detail)};
}

std::vector<Finding> archive_over_limit(const Comparison& sides) {
  if (sides.evidence == nullptr || !sides.evidence->archive_refusal ||
      !sides.evidence->archive_refusal->over_limit) {
    return {};
  }
  const ArchiveRefusal& why = *sides.evidence->archive_refusal;
  return {refusal("archive-over-limit", "the tarball is over a limit", why.rule, why.detail)};
}

std::vector<Finding> package_json_refused(const Comparison& sides) {
  std::vector<Finding> findings;
  if (const auto& why = sides.release.refusal)
    findings.push_back(refusal("package-json-refused",
                               "clients would disagree about the registry's manifest", why->rule,
                               why->detail, "packument-field"));
  if (sides.evidence != nullptr && sides.evidence->package_json_refusal) {
    const JsonRefusal& why = *sides.evidence->package_json_refusal;
    findings.push_back(refusal("package-json-refused", "clients would disagree about package.json",
                               why.rule, why.detail));
  }
  return findings;
}

std::vector<Finding> release_republished(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->first_seen_integrity) return {};
  const std::string& first = *sides.history->first_seen_integrity;
  const bool bare_sha1 = first.find('-') == first.npos;
  const auto before = bare_sha1 ? digests_of({}, first) : digests_of(first, {});
  const auto now = digests_of(sides.release.dist.integrity, sides.release.dist.shasum);
  bool comparable = false;
  for (const auto& [algorithm, hex] : before) {
    for (const auto& [other, other_hex] : now) {
      if (algorithm != other) continue;
      if (hex == other_hex) return {};
      comparable = true;
    }
  }
  if (!comparable) return {};
  return {make("release-republished", Severity::kCritical, "packument-field",
               "the upstream now names another integrity than when this release was first seen",
               {{"first_seen", first},
                {"now", sides.release.dist.integrity.empty() ? sides.release.dist.shasum
                                                             : sides.release.dist.integrity}})};
}

std::vector<Finding> release_withdrawn(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->withdrawn) return {};
  return {make("release-withdrawn", Severity::kMedium, "packument-field",
               "the upstream no longer lists this release", {{"listed", false}})};
}

std::vector<Finding> known_malware(const Comparison& sides) {
  if (sides.history == nullptr) return {};
  return malware_findings(sides.history->advisories, sides.release.published);
}

std::vector<Finding> deprecated(const Comparison& sides) {
  const auto& text = sides.release.manifest.deprecated;
  if (!text) return {};
  return {make("deprecated", Severity::kInfo, "packument-field", "deprecated: " + *text,
               {{"text", proof_text(*text)}})};
}

std::vector<Finding> license_changed(const Comparison& sides) {
  if (sides.before == nullptr) return {};
  const auto license = [](const Release& release, const Manifest* packed) {
    const std::string& stated = release.manifest.license;
    return stated.empty() && packed != nullptr ? packed->license : stated;
  };
  const std::string now = license(sides.release, sides.packed);
  const std::string was = license(*sides.before, sides.before_packed);
  if (was.empty() || lower_ascii(trimmed(now)) == lower_ascii(trimmed(was))) return {};
  return {make("license-changed", Severity::kInfo, "packument-field",
               now.empty() ? "no license any more, it was " + was
                           : "license is now " + now + ", it was " + was,
               {{"before", proof_text(was)}, {"after", proof_text(now)}})};
}

// Clients pick, or refuse, a release by these.
std::vector<Finding> platform_changed(const Comparison& sides) {
  if (sides.before == nullptr) return {};
  const Manifest& now = sides.release.manifest;
  const Manifest& was = sides.before->manifest;
  json::object proof;
  std::vector<std::string> words;
  const auto put = [&](std::string_view field, json::value before, json::value after) {
    if (before == after) return;
    words.emplace_back(field);
    proof[field] = {{"before", std::move(before)}, {"after", std::move(after)}};
  };
  const auto engines = [](const Manifest& manifest) {
    json::object out;
    for (const auto& [name, range] : manifest.engines) out[name] = proof_text(trimmed(range));
    return out;
  };
  const auto list = [](const std::vector<std::string>& items) {
    json::array out;
    for (const auto& item : items) out.emplace_back(proof_text(item));
    return out;
  };
  put("engines", engines(was), engines(now));
  put("os", list(was.os), list(now.os));
  put("cpu", list(was.cpu), list(now.cpu));
  put("libc", list(was.libc), list(now.libc));
  if (words.empty()) return {};
  return {make("platform-changed", Severity::kInfo, "packument-field",
               "other " + join(words, ", ", 4) + " than the baseline's",
               {{"fields", std::move(proof)}})};
}

std::vector<Finding> evidence_unavailable(const Comparison& sides) {
  std::vector<Finding> findings;
  const auto add = [&](const std::string& source, const std::string& reason) {
    const Severity severity = source == "tarball"    ? Severity::kHigh
                              : source == "baseline" ? Severity::kMedium
                                                     : Severity::kLow;
    findings.push_back(make("evidence-unavailable", severity, source,
                            source + " was not available: " + reason,
                            {{"source", source}, {"reason", proof_text(reason)}}));
  };
  bool baseline_told = false;
  if (sides.evidence != nullptr) {
    for (const Unavailable& missing : sides.evidence->unavailable) {
      add(missing.source, missing.reason);
      baseline_told = baseline_told || missing.source == "baseline";
    }
    if (!baseline_told && sides.before != nullptr && sides.before_tree == nullptr &&
        wants_baseline_tree(*sides.evidence)) {
      add("baseline", "the tarball of " + sides.before->manifest.version + " was not inspected");
    }
  }
  if (sides.history != nullptr && sides.history->tag &&
      sides.history->tag->state == TagEvidence::State::kUnknown) {
    add("git-tags", sides.history->tag->reason.empty() ? "unknown" : sides.history->tag->reason);
  }
  if (sides.history != nullptr) {
    for (const Unavailable& missing : sides.history->unavailable)
      add(missing.source, missing.reason);
    // Without a commit there was nothing to ask for.
    for (const auto& [version, source] : sides.history->sources) {
      if (source.state == SourceEvidence::State::kCompared || source.commit.empty()) continue;
      const bool own = version == sides.release.manifest.version;
      if (own || (sides.before != nullptr && version == sides.before->manifest.version))
        add("source", (own ? "" : "of the baseline " + version + ": ") + source.reason);
    }
    // A host that gave no trees either was told above, with the same reason.
    const auto own = sides.history->sources.find(sides.release.manifest.version);
    const auto& branch = sides.history->branch;
    if (branch && branch->state == BranchEvidence::State::kUnknown &&
        own != sides.history->sources.end() &&
        own->second.state == SourceEvidence::State::kCompared)
      add("source", "whether its commit is on a branch: " + branch->reason);
  }
  return findings;
}

}  // namespace npmgate::detect

namespace npmgate {
namespace {

// A release this much older than an advisory was not part of what it is about, unless listed.
constexpr Millis kLongBefore = std::chrono::hours{24 * 30};

}  // namespace

std::vector<Finding> malware_findings(std::span<const PackageHistory::Advisory> advisories,
                                      std::optional<Time> published) {
  std::vector<Finding> findings;
  for (const auto& advisory : advisories) {
    boost::json::object proof{{"advisory", advisory.id},
                              {"summary", detect::proof_text(advisory.summary)}};
    if (advisory.published) proof["advisory_published"] = format_time(*advisory.published);
    // Advisories that list the bad versions and cover all others by an open range as well have hit
    // clean releases of years before; a later one of a package that was taken over is another
    // thing.
    const bool long_before =
        advisory.published && published && *advisory.published - *published > kLongBefore;
    if (advisory.over_broad && long_before) {
      proof["only_by"] = "a range over all versions, beside a list of others";
      proof["informs_only"] = true;
    }
    findings.push_back(detect::make(
        "known-malware", Severity::kCritical, "feed",
        "listed as " + advisory.id + (advisory.summary.empty() ? "" : ": " + advisory.summary),
        std::move(proof)));
  }
  return findings;
}

}  // namespace npmgate

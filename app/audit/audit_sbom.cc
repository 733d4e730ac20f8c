// CycloneDX 1.6 in JSON (ECMA-424): the components of the lockfile with their verdicts.
#include <boost/json/array.hpp>
#include <map>
#include <set>

#include "app/audit/audit_report.h"
#include "base/digest.h"

namespace npmgate {
namespace {

// purl-spec, type npm: the scope is the namespace, "@" percent-encoded.
std::string purl_of(const std::string& name, const std::string& version) {
  std::string out = "pkg:npm/";
  for (const char c : name) out += c == '@' ? "%40" : std::string(1, c);
  out += "@";
  for (const char c : version) out += c == '+' ? "%2B" : std::string(1, c);
  return out;
}

boost::json::object property(std::string_view name, std::string_view value) {
  return {{"name", "npm-gate:" + std::string(name)}, {"value", value}};
}

boost::json::array properties_of(const AuditRow& row) {
  boost::json::array all;
  all.push_back(property("status", to_string(row.answer.answered)));
  if (row.answer.answered == Answered::kJudged)
    all.push_back(property("verdict", to_string(row.action())));
  if (const std::string why = row_problem(row); !why.empty())
    all.push_back(property("reason", why));
  std::set<std::string> told;
  for (const std::string& id : row.findings()) {
    if (told.insert(id).second) all.push_back(property("finding", id));
  }
  return all;
}

boost::json::array hashes_of(const AuditRow& row) {
  constexpr std::pair<Algorithm, std::string_view> kNames[] = {{Algorithm::kSha1, "SHA-1"},
                                                               {Algorithm::kSha256, "SHA-256"},
                                                               {Algorithm::kSha384, "SHA-384"},
                                                               {Algorithm::kSha512, "SHA-512"}};
  boost::json::array all;
  for (const Digest& digest : parse_integrity(row.locked.integrity)) {
    for (const auto& [algorithm, name] : kNames) {
      if (digest.algorithm == algorithm)
        all.push_back(boost::json::object{{"alg", name}, {"content", digest.hex()}});
    }
  }
  return all;
}

boost::json::object component_of(const AuditRow& row) {
  const std::string purl = purl_of(row.locked.name, row.locked.version);
  boost::json::object out{{"type", "library"}, {"bom-ref", purl}};
  const std::size_t slash = row.locked.name.find('/');
  if (slash != std::string::npos) out["group"] = row.locked.name.substr(0, slash);
  out["name"] = slash == std::string::npos ? row.locked.name : row.locked.name.substr(slash + 1);
  out["version"] = row.locked.version;
  out["scope"] = row.locked.optional ? "optional" : row.locked.dev ? "excluded" : "required";
  if (boost::json::array hashes = hashes_of(row); !hashes.empty())
    out["hashes"] = std::move(hashes);
  out["purl"] = purl;
  out["properties"] = properties_of(row);
  return out;
}

// Edges between registry releases; entries of one release are one node.
boost::json::array dependencies_of(const Lockfile& lockfile, const std::string& root) {
  std::map<std::string, std::set<std::string>> edges;
  const auto ref = [](const LockEntry& entry) { return purl_of(entry.name, entry.version); };
  edges[root];
  for (const LockRoot& direct : lockfile.roots) {
    const LockEntry& entry = lockfile.entries[direct.to];
    if (entry.judged()) edges[root].insert(ref(entry));
  }
  for (const LockEntry& entry : lockfile.entries) {
    if (!entry.judged()) continue;
    std::set<std::string>& to = edges[ref(entry)];
    for (const LockEdge& edge : entry.edges) {
      const LockEntry& target = lockfile.entries[edge.to];
      if (target.judged()) to.insert(ref(target));
    }
  }
  boost::json::array all;
  for (const auto& [from, targets] : edges) {
    boost::json::array list;
    for (const std::string& to : targets) list.push_back(boost::json::string(to));
    boost::json::object node{{"ref", from}};
    node["dependsOn"] = std::move(list);
    all.push_back(std::move(node));
  }
  return all;
}

}  // namespace

boost::json::object audit_sbom(const Audit& audit, Time now, const std::string& serial) {
  const std::string root = "lockfile";
  boost::json::object tool{
      {"type", "application"}, {"name", "npm-gate"}, {"version", NPM_GATE_VERSION}};
  boost::json::object tools;
  tools["components"] = boost::json::array{std::move(tool)};
  boost::json::object metadata{{"timestamp", format_time(now)}};
  metadata["tools"] = std::move(tools);
  metadata["component"] = boost::json::object{
      {"type", "application"}, {"bom-ref", root}, {"name", audit.lockfile.file}};
  boost::json::array components;
  for (const AuditRow& row : audit.rows) components.push_back(component_of(row));
  boost::json::object out{{"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json"},
                          {"bomFormat", "CycloneDX"},
                          {"specVersion", "1.6"},
                          {"serialNumber", "urn:uuid:" + serial},
                          {"version", 1}};
  out["metadata"] = std::move(metadata);
  out["components"] = std::move(components);
  out["dependencies"] = dependencies_of(audit.lockfile, root);
  return out;
}

}  // namespace npmgate

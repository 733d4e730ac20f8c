#include "sigstore/trusted_root.h"

#include <openssl/asn1.h>

#include <algorithm>
#include <ctime>

#include "sigstore/fields.h"
#include "sigstore/validity.h"

namespace npmgate::sigstore {
namespace {

using json::Element;

// A public instance has a handful of each.
constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxCertificates = 8;
constexpr std::size_t kMaxRootKey = std::size_t{16} << 10;
constexpr std::size_t kMaxRootFile = std::size_t{1} << 20;

std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find_first_of("/:")));
}

// Each part has problems of its own: one that cannot be used does not take the others away.
std::optional<Log> read_log(const Element& value, std::string& why) {
  Problem problem;
  const Fields fields(value, "log", problem, {});
  Log log;
  log.host = host_of(fields.text("baseUrl"));
  const Fields key = fields.object("publicKey", {});
  const std::string der = key.bytes("rawBytes", kMaxRootKey);
  log.key = key.text("keyDetails").starts_with("PKCS1_RSA") ? key_of_pkcs1(der) : key_of_der(der);
  log.id = fields.object("logId", {}).bytes("keyId", 64);
  if (!log.key) problem.note("log.publicKey is of no kind that is known");
  const auto valid = read_validity(key, "validFor");
  if (valid) log.valid = *valid;
  why = log.host + ": " + problem.what;
  if (!valid || !problem.none()) return std::nullopt;
  return log;
}

std::optional<Authority> read_authority(const Element& value, std::string& why) {
  Problem problem;
  const Fields fields(value, "authority", problem, {});
  Authority authority;
  const Fields chain = fields.object("certChain", {});
  for (const Element& each : chain.list("certificates", kMaxCertificates)) {
    authority.chain.push_back(certificate_of_der(
        Fields(each, "certificates", problem, {}).bytes("rawBytes", kMaxRootKey)));
    if (!authority.chain.back()) problem.note("a certificate cannot be read");
  }
  if (authority.chain.empty()) problem.note("authority.certChain is empty");
  const auto valid = read_validity(fields, "validFor");
  if (valid) authority.valid = *valid;
  why = "an authority: " + problem.what;
  if (!valid || !problem.none()) return std::nullopt;
  return authority;
}

template <class T>
void read_parts(const Fields& root, std::string_view key,
                std::optional<T> (*read)(const Element&, std::string&), std::vector<T>& out,
                std::vector<std::string>& unused) {
  if (!root.has(key)) return;
  for (const Element& each : root.list(key, kMaxParts)) {
    std::string why;
    if (auto part = read(each, why)) {
      out.push_back(std::move(*part));
    } else {
      unused.push_back(std::string(key) + ": " + why);
    }
  }
}

}  // namespace

std::optional<Validity> read_validity(const Fields& fields, std::string_view key) {
  const Fields range = fields.object(key, {"start", "end"});
  const auto start = parse_time(range.text("start"));
  const std::string end = range.text_or_none("end");
  Validity valid;
  if (!start) fields.problem().note(fields.path(key) + ".start is no time");
  if (start) valid.start = *start;
  if (!end.empty()) {
    valid.end = parse_time(end);
    if (!valid.end) fields.problem().note(fields.path(key) + ".end is no time");
  }
  if (!start || (!end.empty() && !valid.end)) return std::nullopt;
  return valid;
}

const Log* TrustedRoot::log(std::string_view id) const {
  const auto it =
      std::find_if(logs.begin(), logs.end(), [&](const Log& log) { return log.id == id; });
  return it == logs.end() ? nullptr : &*it;
}

std::optional<Time> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return Time(std::chrono::seconds(timegm(&parts)));
}

std::optional<Time> TrustedRoot::expires(Time now) const {
  std::optional<Time> first;
  for (const auto* list : {&authorities, &timestamp_authorities}) {
    for (const Authority& authority : *list) {
      if (!authority.valid.holds(now)) continue;
      for (const CertificatePtr& certificate : authority.chain) {
        const auto end = time_of(X509_get0_notAfter(certificate.get()));
        if (end && (!first || *end < *first)) first = end;
      }
    }
  }
  return first;
}

Result<TrustedRootPtr> parse_trusted_root(std::string_view text) {
  json::StrictParser parser;
  Element value;
  if (text.size() > kMaxRootFile) return unreadable("the trusted root is larger than 1 MiB");
  if (const auto refusal = parser.parse_unambiguous(text, false, value))
    return unreadable("the trusted root cannot be read: " + refusal->detail);
  Problem problem;
  const Fields fields(value, "trusted root", problem, {});
  auto root = std::make_shared<TrustedRoot>();
  read_parts(fields, "tlogs", read_log, root->logs, root->unused);
  read_parts(fields, "ctlogs", read_log, root->ct_logs, root->unused);
  read_parts(fields, "certificateAuthorities", read_authority, root->authorities, root->unused);
  read_parts(fields, "timestampAuthorities", read_authority, root->timestamp_authorities,
             root->unused);
  if (root->logs.empty() || root->ct_logs.empty() || root->authorities.empty())
    problem.note("it names no log, no CT log or no authority that can be used");
  if (!problem.none()) return unreadable("the trusted root cannot be read: " + problem.what);
  return TrustedRootPtr(std::move(root));
}

}  // namespace npmgate::sigstore

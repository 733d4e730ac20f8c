#include "certs/development.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

namespace npmgate {
namespace {

template <class T, auto Free>
struct Deleter {
  void operator()(T* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, &EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, &X509_free>>;
using File = std::unique_ptr<FILE, Deleter<FILE, &fclose>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, &X509_EXTENSION_free>>;

constexpr long kCaDays = 3650;
constexpr long kServerDays = 397;
constexpr auto kSoon = std::chrono::hours(24 * 14);

Error tls_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  char text[160] = "";
  // What the system refused (no such file) is no error of OpenSSL's.
  if (code == 0) return fail(Code::kUnavailable, Origin::kDisk, what + ": " + std::strerror(errno));
  ERR_error_string_n(code, text, sizeof text);
  return fail(Code::kUnavailable, Origin::kDisk, what + ": " + text);
}

File open_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  return File(fd < 0 ? nullptr : ::fdopen(fd, "w"));
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Request {
  std::string common_name;
  long days;
  Time now;
};

Certificate begin(EVP_PKEY* key, X509_NAME* issuer, const Request& request) {
  Certificate certificate(X509_new());
  unsigned char serial[16];
  RAND_bytes(serial, sizeof serial);
  serial[0] = static_cast<unsigned char>(serial[0] & 0x7f);
  X509_set_version(certificate.get(), X509_VERSION_3);
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  // A minute back, for clocks that differ a little.
  const time_t start =
      std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(request.now)) -
      60;
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), start);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), start + request.days * 86'400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(request.common_name.c_str()),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), issuer != nullptr ? issuer : name);
  return certificate;
}

Result<void> write_pair(const std::string& certificate_path, X509* certificate,
                        const std::string& key_path, EVP_PKEY* key) {
  const File key_file = open_private(key_path);
  if (!key_file ||
      PEM_write_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return tls_error("cannot write " + key_path);
  const File certificate_file(::fopen(certificate_path.c_str(), "we"));
  if (!certificate_file || PEM_write_X509(certificate_file.get(), certificate) != 1)
    return tls_error("cannot write " + certificate_path);
  return {};
}

Certificate read_certificate(const std::string& path) {
  const File file(::fopen(path.c_str(), "re"));
  return Certificate(file ? PEM_read_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
}

Key read_key(const std::string& path) {
  const File file(::fopen(path.c_str(), "re"));
  return Key(file ? PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr) : nullptr);
}

Result<void> make_authority(const std::string& folder, Time now) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return tls_error("cannot make a key");
  const Certificate certificate =
      begin(key.get(), nullptr, {"npm-gate development CA", kCaDays, now});
  const bool extended =
      add_extension(certificate.get(), certificate.get(), NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate.get(), certificate.get(), NID_key_usage,
                    "critical,keyCertSign,cRLSign") &&
      add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  if (!extended || X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
    return tls_error("cannot sign the CA certificate");
  return write_pair(folder + "/ca.crt", certificate.get(), folder + "/ca.key", key.get());
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    out += (out.empty() ? "" : ",") + std::string(ec ? "DNS:" : "IP:") + name;
  }
  return out;
}

Time from_asn1(const ASN1_TIME* time) {
  tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return Time(std::chrono::seconds(timegm(&parts)));
}

std::string one_line(const X509_NAME* name) {
  char text[256];
  X509_NAME_oneline(name, text, sizeof text);
  return text;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    const ASN1_STRING* text = name->d.ia5;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(text));
    if (name->type == GEN_DNS) names.emplace_back(data, size);
    if (name->type == GEN_IPADD && size == 4) {
      boost::asio::ip::address_v4::bytes_type bytes;
      std::copy_n(ASN1_STRING_get0_data(text), 4, bytes.begin());
      names.push_back(boost::asio::ip::address_v4(bytes).to_string());
    }
    if (name->type == GEN_IPADD && size == 16) {
      boost::asio::ip::address_v6::bytes_type bytes;
      std::copy_n(ASN1_STRING_get0_data(text), 16, bytes.begin());
      names.push_back(boost::asio::ip::address_v6(bytes).to_string());
    }
  }
  GENERAL_NAMES_free(list);
  return names;
}

}  // namespace

Result<std::vector<std::string>> write_development_pair(const std::string& folder,
                                                        const std::vector<std::string>& names,
                                                        Time now) {
  if (names.empty()) {
    return fail(Code::kMalformed, Origin::kClient,
                "a server certificate needs at least one host name or address");
  }
  std::error_code made;
  std::filesystem::create_directories(folder, made);
  if (made)
    return fail(Code::kUnavailable, Origin::kDisk,
                "cannot create " + folder + ": " + made.message());
  std::vector<std::string> written;
  if (!std::filesystem::exists(folder + "/ca.crt") ||
      !std::filesystem::exists(folder + "/ca.key")) {
    if (auto done = make_authority(folder, now); !done) return done.error();
    written = {folder + "/ca.crt", folder + "/ca.key"};
  }
  const Certificate authority = read_certificate(folder + "/ca.crt");
  const Key authority_key = read_key(folder + "/ca.key");
  if (!authority || !authority_key) return tls_error("cannot read the CA in " + folder);
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return tls_error("cannot make a key");
  const Certificate certificate =
      begin(key.get(), X509_get_subject_name(authority.get()), {names.front(), kServerDays, now});
  const bool extended =
      add_extension(certificate.get(), authority.get(), NID_basic_constraints,
                    "critical,CA:FALSE") &&
      add_extension(certificate.get(), authority.get(), NID_key_usage,
                    "critical,digitalSignature") &&
      add_extension(certificate.get(), authority.get(), NID_ext_key_usage, "serverAuth") &&
      add_extension(certificate.get(), authority.get(), NID_subject_alt_name,
                    alternative_names(names)) &&
      add_extension(certificate.get(), authority.get(), NID_authority_key_identifier, "keyid");
  if (!extended || X509_sign(certificate.get(), authority_key.get(), EVP_sha256()) == 0)
    return tls_error("cannot sign the server certificate");
  if (auto done =
          write_pair(folder + "/server.crt", certificate.get(), folder + "/server.key", key.get());
      !done)
    return done.error();
  written.push_back(folder + "/server.crt");
  written.push_back(folder + "/server.key");
  return written;
}

Result<CertificateReport> check_pair(const std::string& certificate_path,
                                     const std::string& key_path, const std::string& host,
                                     Time now) {
  const Certificate certificate = read_certificate(certificate_path);
  if (!certificate) return tls_error("cannot read a PEM certificate from " + certificate_path);
  CertificateReport report;
  report.subject = one_line(X509_get_subject_name(certificate.get()));
  report.issuer = one_line(X509_get_issuer_name(certificate.get()));
  report.names = names_of(certificate.get());
  report.not_before = from_asn1(X509_get0_notBefore(certificate.get()));
  report.not_after = from_asn1(X509_get0_notAfter(certificate.get()));
  if (now < report.not_before)
    report.problems.push_back("it is not valid before " + format_minute(report.not_before));
  if (now >= report.not_after) {
    report.problems.push_back("it expired on " + format_minute(report.not_after));
  } else if (report.not_after - now < kSoon) {
    report.problems.push_back("it expires within 14 days, on " + format_minute(report.not_after));
  }
  if (report.names.empty())
    report.problems.push_back("it names no host (subjectAltName): clients ignore the common name");
  if (!host.empty() &&
      X509_check_host(certificate.get(), host.data(), host.size(), 0, nullptr) != 1 &&
      X509_check_ip_asc(certificate.get(), host.c_str(), 0) != 1) {
    report.problems.push_back("it is not for " + host);
  }
  if (!key_path.empty()) {
    const Key key = read_key(key_path);
    if (!key) return tls_error("cannot read a PEM key from " + key_path);
    if (X509_check_private_key(certificate.get(), key.get()) != 1)
      report.problems.push_back("the key " + key_path + " does not belong to it");
  }
  return report;
}

}  // namespace npmgate

#include "sigstore/certificate.h"

#include <openssl/ct.h>
#include <openssl/x509v3.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace npmgate::sigstore {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using StackPtr =
    std::unique_ptr<STACK_OF(X509), Deleter<[](STACK_OF(X509) * stack) { sk_X509_free(stack); }>>;

constexpr std::string_view kFulcio = "1.3.6.1.4.1.57264.1.";

// The bytes of Fulcio's extension `number`: raw text below 8 (as its first versions wrote it), a
// DER UTF8String from there.
std::string fulcio_text(X509* certificate, int number) {
  const std::unique_ptr<ASN1_OBJECT, Deleter<ASN1_OBJECT_free>> oid(
      OBJ_txt2obj((std::string(kFulcio) + std::to_string(number)).c_str(), 1));
  const int at = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
  if (at < 0) return {};
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  const unsigned char* bytes = ASN1_STRING_get0_data(value);
  const long size = ASN1_STRING_length(value);
  if (number < 8) return std::string(reinterpret_cast<const char*>(bytes), size);
  const unsigned char* end = bytes;
  const std::unique_ptr<ASN1_UTF8STRING, Deleter<ASN1_UTF8STRING_free>> text(
      d2i_ASN1_UTF8STRING(nullptr, &end, size));
  if (!text || end != bytes + size) return {};
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text.get())),
                     static_cast<std::size_t>(ASN1_STRING_length(text.get())));
}

std::string subject_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  // One name, as Fulcio issues them: of two, either could be meant.
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return {};
  int type = 0;
  const auto* text = static_cast<const ASN1_STRING*>(
      GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), 0), &type));
  if (type != GEN_URI && type != GEN_EMAIL) return {};
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text)));
}

// "https://git.example/o/r/.github/workflows/x.yml@refs/heads/main" within
// "https://git.example/o/r".
std::string workflow_in(std::string_view url, const std::string& repository) {
  if (repository.empty() || !url.starts_with(repository + "/")) return {};
  url.remove_prefix(repository.size());
  while (url.starts_with('/')) url.remove_prefix(1);
  return std::string(url.substr(0, url.rfind("@refs/")));
}

// Its first version (1.5) wrote "owner/name", of the host that the subject's URL is on.
std::string old_repository(const std::string& subject, const std::string& name) {
  const std::size_t host = subject.find("://");
  const std::size_t end = host == std::string::npos ? host : subject.find('/', host + 3);
  if (name.empty() || end == std::string::npos) return {};
  return subject.substr(0, end + 1) + name;
}

bool may_sign_code(X509* certificate) {
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  return (flags & (EXFLAG_INVALID | EXFLAG_CA | EXFLAG_CRITICAL)) == 0 &&
         (flags & (EXFLAG_XKUSAGE | EXFLAG_KUSAGE)) == (EXFLAG_XKUSAGE | EXFLAG_KUSAGE) &&
         (X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN) != 0 &&
         (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
}

std::time_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// The certificate that issued `leaf`, if it chains up to `authority` at that time.
CertificatePtr issuer_under(const Authority& authority, X509* leaf, Time at) {
  const StorePtr store(X509_STORE_new());
  const StackPtr others(sk_X509_new_null());
  const std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  if (!store || !others || !context) return nullptr;
  X509_STORE_add_cert(store.get(), authority.chain.back().get());
  for (std::size_t i = 0; i + 1 < authority.chain.size(); ++i)
    sk_X509_push(others.get(), authority.chain[i].get());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf, others.get()) != 1) return nullptr;
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, seconds(at));
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(authority.chain.size()));
  if (X509_verify_cert(context.get()) != 1) return nullptr;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  if (sk_X509_num(chain) < 2) return nullptr;
  X509* issuer = sk_X509_value(chain, 1);
  X509_up_ref(issuer);
  return CertificatePtr(issuer, Deleter<X509_free>{});
}

bool holds(const Authority& authority, const std::string& der) {
  return std::any_of(authority.chain.begin(), authority.chain.end(),
                     [&](const auto& each) { return der_of_certificate(each.get()) == der; });
}

// OpenSSL reads its CT logs from a file only: one in memory.
bool load_logs(CTLOG_STORE* store, const std::vector<Log>& logs) {
  std::string names, sections;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const std::string name = "log" + std::to_string(i);
    names += (i == 0 ? "" : ",") + name;
    sections += "[" + name + "]\ndescription = " + name +
                "\nkey = " + encode_base64(der_of_key(logs[i].key.get())) + "\n";
  }
  const std::string text = "enabled_logs = " + names + "\n" + sections;
  const int fd = memfd_create("ct-logs", MFD_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const bool loaded = written && CTLOG_STORE_load_file(store, path.c_str()) == 1;
  close(fd);
  return loaded;
}

std::vector<Log> logs_in_force(const std::vector<Log>& logs, const SCT* sct) {
  unsigned char* id = nullptr;
  const std::size_t size = SCT_get0_log_id(sct, &id);
  const std::string_view name(reinterpret_cast<const char*>(id), size);
  const Time at{Millis(SCT_get_timestamp(sct))};
  std::vector<Log> out;
  std::copy_if(logs.begin(), logs.end(), std::back_inserter(out),
               [&](const Log& log) { return log.id == name && log.valid.holds(at); });
  return out;
}

bool verify_sct(SCT* sct, const CertificatePtr& leaf, X509* issuer, const std::vector<Log>& logs) {
  const std::unique_ptr<CTLOG_STORE, Deleter<CTLOG_STORE_free>> store(CTLOG_STORE_new());
  const std::unique_ptr<CT_POLICY_EVAL_CTX, Deleter<CT_POLICY_EVAL_CTX_free>> context(
      CT_POLICY_EVAL_CTX_new());
  const auto end = time_of(X509_get0_notAfter(leaf.get()));
  if (!store || !context || !end || !load_logs(store.get(), logs)) return false;
  CT_POLICY_EVAL_CTX_set1_cert(context.get(), leaf.get());
  CT_POLICY_EVAL_CTX_set1_issuer(context.get(), issuer);
  CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(context.get(), store.get());
  // A timestamp later than the certificate's end was not there when it was used.
  CT_POLICY_EVAL_CTX_set_time(context.get(),
                              static_cast<std::uint64_t>(end->time_since_epoch().count()));
  return SCT_validate(sct, context.get()) == 1 &&
         SCT_get_validation_status(sct) == SCT_VALIDATION_STATUS_VALID;
}

}  // namespace

Identity identity_of(X509* certificate) {
  const auto text = [&](int number) { return fulcio_text(certificate, number); };
  const auto first = [](std::string a, std::string b) { return a.empty() ? b : a; };
  Identity out;
  out.subject = subject_of(certificate);
  out.issuer = first(text(8), text(1));
  out.repository = first(text(12), old_repository(out.subject, text(5)));
  out.commit = first(text(13), text(3));
  out.ref = first(text(14), text(6));
  out.workflow = workflow_in(first(text(18), out.subject), out.repository);
  out.runner = text(11);
  out.run = text(21);
  out.trigger = first(text(20), text(2));
  return out;
}

Result<ChainProof> ChainProof::check(const CertificatePtr& leaf,
                                     const std::vector<std::string>& further,
                                     const TrustedRoot& root, const std::vector<Time>& times) {
  if (!may_sign_code(leaf.get()))
    return refused("the signer's certificate is not one for signing code");
  if (times.empty()) return refused("nothing says when it was signed");
  std::string why = "no trusted authority was in force when it was signed";
  for (const Authority& authority : root.authorities) {
    CertificatePtr issuer;
    const bool good = std::all_of(times.begin(), times.end(), [&](Time at) {
      if (!authority.valid.holds(at)) return false;
      issuer = issuer_under(authority, leaf.get(), at);
      if (!issuer)
        why = "the signer's certificate does not chain up to a trusted authority at " +
              format_time(at);
      return issuer != nullptr;
    });
    if (!good) continue;
    if (!std::all_of(further.begin(), further.end(),
                     [&](const std::string& der) { return holds(authority, der); }))
      return refused("the bundle's chain holds a certificate that is not of its authority");
    return ChainProof(std::move(issuer));
  }
  return refused(std::move(why));
}

Result<SctProof> SctProof::check(const CertificatePtr& leaf, const ChainProof& chain,
                                 const TrustedRoot& root) {
  const std::unique_ptr<STACK_OF(SCT), Deleter<SCT_LIST_free>> list(static_cast<STACK_OF(SCT)*>(
      X509_get_ext_d2i(leaf.get(), NID_ct_precert_scts, nullptr, nullptr)));
  for (int i = 0; list && i < sk_SCT_num(list.get()); ++i) {
    SCT* sct = sk_SCT_value(list.get(), i);
    const std::vector<Log> logs = logs_in_force(root.ct_logs, sct);
    if (!logs.empty() && verify_sct(sct, leaf, chain.issuer(), logs)) return SctProof();
  }
  return refused("no trusted certificate transparency log vouches for the signer's certificate");
}

}  // namespace npmgate::sigstore

#include "sigstore/timestamp.h"

#include <openssl/pkcs7.h>
#include <openssl/ts.h>

#include <algorithm>

namespace npmgate::sigstore {
namespace {

using ResponsePtr = std::unique_ptr<TS_RESP, Deleter<TS_RESP_free>>;

ResponsePtr response_of(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = at + der.size();
  ResponsePtr response(d2i_TS_RESP(nullptr, &at, static_cast<long>(der.size())));
  // One text per value, and granted without changes.
  if (at != end || !response || der_of<TS_RESP, i2d_TS_RESP>(response.get()) != der) return nullptr;
  const TS_STATUS_INFO* status = TS_RESP_get_status_info(response.get());
  const bool plain = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)) == TS_STATUS_GRANTED &&
                     TS_STATUS_INFO_get0_text(status) == nullptr &&
                     TS_STATUS_INFO_get0_failure_info(status) == nullptr;
  return plain ? std::move(response) : nullptr;
}

bool strong_imprint(TS_TST_INFO* info) {
  const X509_ALGOR* algorithm = TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info));
  const ASN1_OBJECT* oid = nullptr;
  X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
  const int id = OBJ_obj2nid(oid);
  return id == NID_sha256 || id == NID_sha384 || id == NID_sha512;
}

// A stack of references for OpenSSL, which frees it with its elements.
STACK_OF(X509) * stack_of(const std::vector<CertificatePtr>& chain) {
  STACK_OF(X509)* stack = sk_X509_new_null();
  for (const CertificatePtr& each : chain) {
    X509_up_ref(each.get());
    sk_X509_push(stack, each.get());
  }
  return stack;
}

// An algorithm without parameters: its number; NID_undef with any.
int plain_algorithm(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* oid = nullptr;
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(&oid, &type, &value, algorithm);
  return type == V_ASN1_UNDEF || type == V_ASN1_NULL ? OBJ_obj2nid(oid) : NID_undef;
}

// The algorithm of the signature is the key's with the digest that was signed.
bool fitting_algorithm(const X509_ALGOR* signature, int digest, X509* signer) {
  const int id = plain_algorithm(signature);
  const int key = EVP_PKEY_get_base_id(X509_get0_pubkey(signer));
  int with_digest = NID_undef, with_key = NID_undef;
  if (id == key && key == EVP_PKEY_RSA) return true;
  return OBJ_find_sigid_algs(id, &with_digest, &with_key) == 1 && with_digest == digest &&
         OBJ_obj2nid(OBJ_nid2obj(with_key)) == key;
}

// What OpenSSL takes from a token without asking who wrote it must say what the signature says:
// nothing in it is left that nobody vouches for.
bool nothing_unsigned(PKCS7* token, const Authority& authority) {
  if (PKCS7_type_is_signed(token) == 0) return false;
  const PKCS7_SIGNED* content = token->d.sign;
  X509* leaf = authority.chain.front().get();
  if (sk_PKCS7_SIGNER_INFO_num(content->signer_info) != 1 || content->crl != nullptr ||
      ASN1_INTEGER_get(content->version) != 3 || sk_X509_ALGOR_num(content->md_algs) != 1)
    return false;
  for (int i = 0; i < sk_X509_num(content->cert); ++i) {
    X509* embedded = sk_X509_value(content->cert, i);
    const bool ours = std::any_of(
        authority.chain.begin(), authority.chain.end(), [&](const CertificatePtr& each) {
          return der_of_certificate(each.get()) == der_of_certificate(embedded);
        });
    if (!ours) return false;
  }
  const PKCS7_SIGNER_INFO* signer = sk_PKCS7_SIGNER_INFO_value(content->signer_info, 0);
  const int digest = plain_algorithm(signer->digest_alg);
  // The signer's certificate is the authority's own: not another one that the same root issued.
  return ASN1_INTEGER_get(signer->version) == 1 && signer->unauth_attr == nullptr &&
         digest != NID_undef &&
         plain_algorithm(sk_X509_ALGOR_value(content->md_algs, 0)) == digest &&
         fitting_algorithm(signer->digest_enc_alg, digest, leaf) &&
         der_of<X509_NAME, i2d_X509_NAME>(signer->issuer_and_serial->issuer) ==
             der_of<X509_NAME, i2d_X509_NAME>(X509_get_issuer_name(leaf)) &&
         ASN1_INTEGER_cmp(signer->issuer_and_serial->serial, X509_get_serialNumber(leaf)) == 0;
}

bool verify_under(const Authority& authority, TS_RESP* response, std::string_view signature,
                  Time at) {
  const std::unique_ptr<TS_VERIFY_CTX, Deleter<TS_VERIFY_CTX_free>> context(TS_VERIFY_CTX_new());
  X509_STORE* store = X509_STORE_new();
  if (!context || store == nullptr) return false;
  TS_VERIFY_CTX_set_store(context.get(), store);
  X509_STORE_add_cert(store, authority.chain.back().get());
  X509_VERIFY_PARAM_set_time(
      X509_STORE_get0_param(store),
      std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
  TS_VERIFY_CTX_set_certs(context.get(), stack_of(authority.chain));
  TS_VERIFY_CTX_set_data(context.get(),
                         BIO_new_mem_buf(signature.data(), static_cast<int>(signature.size())));
  TS_VERIFY_CTX_set_flags(context.get(), TS_VFY_VERSION | TS_VFY_DATA | TS_VFY_SIGNATURE);
  return TS_RESP_verify_response(context.get(), response) == 1 &&
         nothing_unsigned(TS_RESP_get_token(response), authority);
}

}  // namespace

Result<Time> verify_timestamp(std::string_view der, std::string_view signature,
                              const TrustedRoot& root) {
  const ResponsePtr response = response_of(der);
  TS_TST_INFO* info = response ? TS_RESP_get_tst_info(response.get()) : nullptr;
  if (info == nullptr) return unreadable("a time stamp of the bundle cannot be read");
  const auto at = time_of(TS_TST_INFO_get_time(info));
  if (!at || !strong_imprint(info)) return refused("a time stamp names no time or digest");
  for (const Authority& authority : root.timestamp_authorities) {
    if (authority.valid.holds(*at) && verify_under(authority, response.get(), signature, *at))
      return *at;
  }
  return refused("a time stamp of the bundle is not by a trusted authority over its signature");
}

}  // namespace npmgate::sigstore

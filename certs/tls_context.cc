#include "certs/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/log.h"

namespace npmgate {
namespace {

namespace ssl = boost::asio::ssl;

// Mozilla, Security/Server Side TLS, version 5.7, intermediate.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-"
    "RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr unsigned char kSessionContext[] = "npm-gate";
constexpr auto kLookEvery = std::chrono::seconds(1);

Error file_error(const std::string& what, const std::string& file,
                 const boost::system::error_code& ec) {
  return fail(Code::kUnavailable, Origin::kPolicy, what + " " + file + ": " + ec.message());
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_server_context(const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(native, kCiphers12);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_id_context(native, kSessionContext, sizeof kSessionContext - 1);
  boost::system::error_code ec;
  context->use_certificate_chain_file(files.certificate, ec);
  if (ec) return file_error("cannot use the certificate", files.certificate, ec);
  context->use_private_key_file(files.key, ssl::context::pem, ec);
  const bool stranger =
      ec && ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == X509_R_KEY_VALUES_MISMATCH;
  if (ec && !stranger) return file_error("cannot use the key", files.key, ec);
  if (stranger || SSL_CTX_check_private_key(native) != 1) {
    return fail(
        Code::kUnavailable, Origin::kPolicy,
        "the key " + files.key + " does not belong to the certificate " + files.certificate);
  }
  if (!files.client_ca.empty()) {
    context->load_verify_file(files.client_ca, ec);
    if (ec) return file_error("cannot use the client CA", files.client_ca, ec);
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, ec);
  }
  return context;
}

Result<std::unique_ptr<ReloadingTls>> ReloadingTls::open(TlsFiles files) {
  auto made = std::unique_ptr<ReloadingTls>(new ReloadingTls(std::move(files)));
  auto context = make_server_context(made->files_);
  if (!context) return context.error();
  made->context_ = *context;
  made->stamp_ = made->look();
  made->looked_ = std::chrono::steady_clock::now();
  return made;
}

ReloadingTls::Stamp ReloadingTls::look() const {
  Stamp stamp;
  for (const std::string& file : {files_.certificate, files_.key, files_.client_ca}) {
    std::error_code ignored;
    if (file.empty()) continue;
    const auto time = std::filesystem::last_write_time(file, ignored);
    stamp.emplace_back(time, std::filesystem::file_size(file, ignored));
  }
  return stamp;
}

std::shared_ptr<ssl::context> ReloadingTls::current() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookEvery) return context_;
  looked_ = now;
  const Stamp stamp = look();
  if (stamp == stamp_) return context_;
  stamp_ = stamp;
  auto fresh = make_server_context(files_);
  if (fresh) {
    context_ = *fresh;
    log::info("tls-reloaded", "new connections use the renewed certificate",
              {{"certificate", files_.certificate}});
  } else {
    log::error("tls-refused", "the certificate before it stays in use",
               {{"error", fresh.error().context}});
  }
  return context_;
}

}  // namespace npmgate

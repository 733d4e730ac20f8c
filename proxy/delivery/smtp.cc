// E-mail by libcurl, which speaks SMTP with STARTTLS and every usual way to log in.
#include "proxy/delivery/smtp.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace npmgate {
namespace {

struct Reader {
  std::string_view rest;
};

std::size_t give(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto* reader = static_cast<Reader*>(user);
  const std::size_t length = std::min(size * count, reader->rest.size());
  std::memcpy(buffer, reader->rest.data(), length);
  reader->rest.remove_prefix(length);
  return length;
}

// Keeps the server's last line that says no; libcurl's own words ("Weird server reply") do not.
std::size_t listen(char* buffer, std::size_t size, std::size_t count, void* user) {
  constexpr std::size_t kShown = 200;
  const std::string_view line(buffer, size * count);
  if (line.starts_with('4') || line.starts_with('5'))
    *static_cast<std::string*>(user) = line.substr(0, std::min(line.find('\r'), kShown));
  return size * count;
}

// libcurl asks this about once a second, whatever it waits for.
int go_on(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<const std::atomic<bool>*>(user) ? 1 : 0;
}

struct EndHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct EndList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void secure(CURL* handle, const SinkSettings& sink) {
  // smtp:// without STARTTLS only if gate.yaml says so.
  if (sink.starttls) curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!sink.ca.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, sink.ca.c_str());
  if (!sink.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, sink.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, sink.secret.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  // A proxy for HTTP is none for mail.
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
}

// RFC 5321, 4.2.1: 5yz is for good. Not if login or encryption is what is missing (RFC 4954, 6;
// RFC 3207, 4): an admin mends that.
bool is_final(CURLcode code, long reply) {
  return code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED && reply >= 550 && reply < 560;
}

}  // namespace

SendOutcome send_mail(const SinkSettings& sink, const std::string& text, std::chrono::seconds limit,
                      const std::atomic<bool>& given_up) {
  const std::unique_ptr<CURL, EndHandle> handle(curl_easy_init());
  if (!handle) return {SendOutcome::Kind::kRetry, "libcurl cannot start"};
  std::unique_ptr<curl_slist, EndList> recipients;
  for (const std::string& to : sink.to)
    recipients.reset(curl_slist_append(recipients.release(), ("<" + to + ">").c_str()));
  Reader reader{text};
  std::string problem(CURL_ERROR_SIZE, '\0'), refusal;
  CURL* curl = handle.get();
  const std::string from = "<" + sink.from + ">";
  curl_easy_setopt(curl, CURLOPT_URL, sink.url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(limit.count()));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &go_on);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&given_up));
  // A name server that does not answer is not waited for at the end.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem.data());
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  // An address that is no more must not keep the alert from the others.
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &give);
  curl_easy_setopt(curl, CURLOPT_READDATA, &reader);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &listen);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &refusal);
  secure(curl, sink);
  const CURLcode code = curl_easy_perform(curl);
  long reply = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
  if (code == CURLE_OK)
    return {SendOutcome::Kind::kSent, "accepted (" + std::to_string(reply) + ")"};
  problem.resize(std::strlen(problem.c_str()));
  if (problem.empty()) problem = curl_easy_strerror(code);
  if (!refusal.empty()) problem += ": " + refusal;
  return {is_final(code, reply) ? SendOutcome::Kind::kDead : SendOutcome::Kind::kRetry, problem};
}

}  // namespace npmgate

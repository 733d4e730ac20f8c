// The gate's own pages: what stands behind the URL in a refusal. Text from outside is escaped; no
// scripts.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "judge/judge.h"
#include "proxy/net/http.h"
#include "proxy/runtime/config.h"

namespace npmgate {

// The short link that refusals carry: BASE-/r/NAME@VERSION. `base_url` with its trailing slash.
std::string release_link(const std::string& base_url, std::string_view name,
                         std::string_view version);

// " (ask #security)" behind the link, where gate.yaml names whom; "" where it does not.
std::string asking(const Config& config);

boost::json::object release_json(const Judged& judged);

// A release for people without an account: verdict, findings and what it was compared with, what is
// served instead, how to ask for it. No other package's data, no clients.
struct ReleasePage {
  ReleasePage() {}
  const Judged* judged = nullptr;
  Time now{};
  std::string instead;          // version that is served, "" = none
  boost::json::array requests;  // ReleaseRequests::about()
  bool may_ask = false;
  bool writes = false;  // the reader wants the form although they asked: no reloading meanwhile
  std::string sign_in;  // where the reader signs in; "" = nowhere, or did already
  std::string who;      // the reader's token or name; "" = unknown
  std::string contact, base_url;
};
Response release_html(const ReleasePage& page, int status);

// The HTML inside a page.
std::string index_page(const Request& request);

}  // namespace npmgate

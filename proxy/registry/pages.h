// The gate's own pages: what stands behind the URL in a refusal. Text from outside is escaped; no
// scripts.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "judge/judge.h"
#include "proxy/runtime/config.h"

namespace npmgate {

// A release's verdict, findings and what it was compared with, for people without an account: no
// other package's data, no clients.
std::string release_html(const Judged& judged, Time now);
boost::json::object release_json(const Judged& judged);
std::string index_page(const Config& config);
// A whole page around `body`, which is HTML already.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace npmgate

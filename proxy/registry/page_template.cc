#include "proxy/registry/page_template.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <kainjow/mustache.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "proxy/registry/data.h"

namespace npmgate {
namespace {

namespace json = boost::json;
namespace mustache = kainjow::mustache;

// Longer texts than any page has a use for: a name of 10,000 characters does not make a page.
constexpr std::size_t kLongest = 4'000;

// Lines stay lines; everything else is as printable() shows it.
std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kLongest * 16) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += printable(text.substr(0, end), kLongest);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!text.empty()) out += '\n';
  }
  return out;
}

mustache::data data_of(const json::value& value) {
  if (const json::string* const text = value.if_string()) {
    if (text->empty()) return mustache::data(mustache::data::type::bool_false);
    return mustache::data(harmless(std::string_view(text->data(), text->size())));
  }
  if (const json::array* const list = value.if_array()) {
    mustache::data out(mustache::data::type::list);
    for (const json::value& each : *list) out.push_back(data_of(each));
    return out;
  }
  if (const json::object* const object = value.if_object()) {
    mustache::data out(mustache::data::type::object);
    for (const auto& [key, member] : *object) out.set(std::string(key), data_of(member));
    return out;
  }
  if (value.is_bool())
    return mustache::data(value.get_bool() ? mustache::data::type::bool_true
                                           : mustache::data::type::bool_false);
  if (value.is_null()) return mustache::data(mustache::data::type::bool_false);
  return mustache::data(json::serialize(value));
}

// The style sheet stands in the page: the policy names its digest, and nothing else may style it.
const std::string& style_policy() {
  static const std::string policy = [] {
    const Digest digest = npmgate::digest(Algorithm::kSha256, data::pages_css());
    return "default-src 'none'; style-src 'sha256-" + base64_encode(digest.bytes) +
           "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  }();
  return policy;
}

}  // namespace

std::string render(std::string_view page_template, const json::object& model) {
  mustache::mustache parsed{std::string(page_template)};
  return parsed.render(data_of(model));
}

std::string render_around(std::string_view page_template, const json::object& model,
                          std::string body) {
  mustache::data all = data_of(model);
  all.set("body", mustache::data(std::move(body)));
  mustache::mustache parsed{std::string(page_template)};
  return parsed.render(all);
}

Response own_page(int status, const std::string& title, std::string body,
                  const std::string& refresh) {
  json::object model{{"title", title}};
  const bool goes_on = refresh.starts_with('/');
  model["refresh"] = goes_on ? "0;url=" + refresh : "";
  // The style sheet is ours and holds nothing that HTML would end.
  std::string page = render_around(data::page_frame(), model, std::move(body));
  const std::string mark = "/*style*/";
  page.replace(page.find(mark), mark.size(), data::pages_css());
  Response response = text_response(status, std::move(page), "text/html; charset=utf-8");
  if (!goes_on && !refresh.empty()) response.set("refresh", refresh);
  response.set("content-security-policy", style_policy());
  response.set("x-content-type-options", "nosniff");
  response.set("referrer-policy", "same-origin");
  response.set("cache-control", "no-store");
  return response;
}

bool wants_page(const Request& request) {
  return request.headers.get("accept").find("text/html") != std::string_view::npos;
}

}  // namespace npmgate

#include "proxy/desk/render.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <kainjow/mustache.hpp>

#include "base/text.h"
#include "proxy/desk/data.h"

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
    if (end < text.size() + 1 && !text.empty()) out += '\n';
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

constexpr std::string_view kPages[][2] = {{"/desk", "Queue"},
                                          {"/desk/audit", "Audit trail"},
                                          {"/desk/downloads", "Who has it"},
                                          {"/desk/policy", "Policy"},
                                          {"/desk/state", "State of the gate"}};

}  // namespace

std::string render(std::string_view page_template, const json::object& model) {
  mustache::mustache parsed{std::string(page_template)};
  return parsed.render(data_of(model));
}

std::string framed(const Frame& frame, std::string body) {
  json::array pages;
  for (const auto& [href, text] : kPages)
    pages.push_back(json::object{{"href", href}, {"text", text}, {"here", href == frame.path}});
  mustache::data model = data_of(json::object{{"title", frame.title},
                                              {"actor", frame.actor},
                                              {"csrf", frame.csrf},
                                              {"message", frame.message},
                                              {"pages", std::move(pages)}});
  model.set("body", mustache::data(std::move(body)));
  mustache::mustache layout{std::string(data::desk_layout())};
  return layout.render(model);
}

}  // namespace npmgate

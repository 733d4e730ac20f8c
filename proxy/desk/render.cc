#include "proxy/desk/render.h"

#include <boost/json/array.hpp>

#include "proxy/desk/data.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::string_view kPages[][2] = {{"/desk", "Queue"},
                                          {"/desk/requests", "Requests"},
                                          {"/desk/search", "Search"},
                                          {"/desk/audit", "Audit trail"},
                                          {"/desk/downloads", "Who has it"},
                                          {"/desk/policy", "Rules"},
                                          {"/desk/state", "State of the gate"}};

}  // namespace

std::string framed(const Frame& frame, std::string body) {
  json::array pages;
  for (const auto& [href, text] : kPages)
    pages.push_back(json::object{{"href", href}, {"text", text}, {"here", href == frame.path}});
  const json::object model{{"title", frame.title}, {"actor", frame.actor},
                           {"csrf", frame.csrf},   {"message", frame.message},
                           {"next", frame.next},   {"pages", std::move(pages)}};
  return render_around(data::desk_layout(), model, std::move(body));
}

}  // namespace npmgate

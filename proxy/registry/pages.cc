#include "proxy/registry/pages.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/json_members.h"
#include "base/text.h"
#include "base/url.h"
#include "proxy/registry/data.h"
#include "proxy/registry/page_template.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr int kLookAgain = 30;  // seconds, while somebody waits for an answer

std::string day_and_minute(const std::string& time) {
  const auto parsed = parse_time(time);
  return parsed ? format_minute(*parsed) : time;
}

std::string answer_words(const std::string& state) {
  if (state == "approved") return "Approved";
  return state == "instead" ? "Declined, with another version to take" : "Declined";
}

// What was asked: the open request into `model`, the answered ones as a list.
json::array answers_of(const ReleasePage& page, json::object& model) {
  json::array answers;
  for (const json::value& each : page.requests) {
    const json::object& request = object_in(each);
    const std::string state = text_member(request, "state"),
                      instead = text_member(request, "instead");
    if (state == "open") {
      const std::string count = shown_member(request, "askers");
      model["open"] = true;
      model["opened"] = day_and_minute(text_member(request, "opened"));
      model["yours"] = flag_member(request, "yours");
      model["count"] = count == "1" ? "one person or project" : count + " people or projects";
      continue;
    }
    answers.push_back(json::object{
        {"answer", answer_words(state)},
        {"answered", day_and_minute(text_member(request, "answered"))},
        {"by", text_member(request, "by")},
        {"reason", text_member(request, "reason")},
        {"instead", instead},
        {"instead_href",
         instead.empty() ? "" : release_link(page.base_url, page.judged->subject.name, instead)}});
  }
  return answers;
}

json::array findings_of(const Judged& judged) {
  json::array findings;
  for (const Finding& finding : judged.findings) {
    findings.push_back(json::object{{"id", finding.id},
                                    {"severity", to_string(finding.severity)},
                                    {"message", finding.message},
                                    {"proof", json::serialize(finding.proof)}});
  }
  return findings;
}

}  // namespace

std::string release_link(const std::string& base_url, std::string_view name,
                         std::string_view version) {
  return base_url + "-/r/" + percent_encode(name, "@/") + "@" + percent_encode(version, "+");
}

std::string asking(const Config& config) {
  return config.contact.empty() ? "" : " (ask " + config.contact + ")";
}

json::object release_json(const Judged& judged) {
  json::object out;
  out["name"] = judged.subject.name;
  out["version"] = judged.version;
  out["content"] = judged.subject.content_id;
  out["inspected"] = judged.evidence != nullptr;
  out["baseline"] = judged.baseline.empty() ? json::value() : json::value(judged.baseline);
  out["age_counts_from"] = format_time(judged.subject.age_start);
  out["verdict"] = to_json(judged.verdict);
  json::array findings;
  for (const Finding& finding : judged.findings) findings.push_back(to_json(finding));
  out["findings"] = std::move(findings);
  return out;
}

Response release_html(const ReleasePage& page, int status) {
  const Judged& judged = *page.judged;
  const std::string& name = judged.subject.name;
  const bool refused = !judged.served();
  json::object model{
      {"name", name},
      {"version", judged.version},
      {"action", to_string(judged.verdict.action)},
      {"served", !refused},
      {"refused", refused},
      {"instead", page.instead},
      {"contact", page.contact},
      {"may_ask", page.may_ask},
      {"gate", page.base_url},
      {"any_finding", !judged.findings.empty()},
      {"findings", findings_of(judged)},
      {"compared",
       judged.baseline.empty() ? "nothing: " + why_uncompared(judged.findings) : judged.baseline},
      {"story", explain_text(judged.subject, judged.verdict, judged.findings, page.now)}};
  if (refused)
    model["sentence"] = refusal_sentence(judged.subject, judged.verdict, judged.findings) + ".";
  if (refused && judged.verdict.ends) model["ends"] = format_minute(*judged.verdict.ends);
  if (!page.instead.empty())
    model["instead_href"] = release_link(page.base_url, name, page.instead);
  const auto base = parse_url(page.base_url);
  model["ask_href"] = (base ? base->path : "/") + "-/npm-gate/requests/" +
                      percent_encode(name, "@/") + "/" + percent_encode(judged.version, "+");
  model["sign_in"] = page.sign_in;
  model["who"] = page.who;
  json::array answers = answers_of(page, model);
  // A page with a form does not reload: what is typed there would be gone.
  const bool waits = refused && flag_member(model, "yours") && !page.writes;
  model["waits"] = waits;
  model["form"] = page.may_ask && !waits;
  model["write_href"] = release_link(page.base_url, name, judged.version) + "?ask=1";
  model["answers"] = std::move(answers);
  return own_page(status, name + "@" + judged.version, render(data::page_release(), model),
                  waits && status == 200 ? std::to_string(kLookAgain) : "");
}

std::string index_page(const Request& request) {
  return "<h1>npm-gate</h1><p>This is a package registry. Every release is inspected before it is "
         "served; what is refused is explained under <code>" +
         html_escape(request.base_url) +
         "-/r/NAME@VERSION</code>, where it can be asked for too.</p><p><a href=\"" +
         html_escape(request.base_url) + "-/npm-gate/refusals\">What was refused to you</a></p>";
}

}  // namespace npmgate

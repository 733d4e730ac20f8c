#include "proxy/registry/pages.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::string_view kStyle =
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46em;margin:3em auto;padding:0 "
    "1em;color:#222}"
    "h1{font-size:1.3em}.block,.quarantine{color:#a00}.warn{color:#850}.allow{color:#070}"
    "pre{background:#f4f4f4;padding:.6em;overflow:auto}li{margin:.5em 0}</style>";

}  // namespace

std::string html_page(std::string_view title, std::string_view body) {
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + html_escape(title) +
         "</title>" + std::string(kStyle) + "<body>" + std::string(body) + "</body></html>\n";
}

boost::json::object release_json(const Judged& judged) {
  boost::json::object out;
  out["name"] = judged.subject.name;
  out["version"] = judged.version;
  out["content"] = judged.subject.content_id;
  out["inspected"] = judged.evidence != nullptr;
  out["baseline"] =
      judged.baseline.empty() ? boost::json::value() : boost::json::value(judged.baseline);
  out["age_counts_from"] = format_time(judged.subject.age_start);
  out["verdict"] = to_json(judged.verdict);
  boost::json::array findings;
  for (const Finding& finding : judged.findings) findings.push_back(to_json(finding));
  out["findings"] = std::move(findings);
  return out;
}

std::string release_html(const Judged& judged, Time now) {
  const std::string title = judged.subject.name + "@" + judged.version;
  const std::string action(to_string(judged.verdict.action));
  std::string body = "<h1>" + html_escape(title) + ": <span class=\"" + action + "\">" + action +
                     "</span></h1><pre>";
  std::string story = explain_text(judged.subject, judged.verdict, judged.findings, now);
  std::size_t start = 0;
  while (start <= story.size()) {
    const std::size_t end = std::min(story.find('\n', start), story.size());
    body += html_escape(std::string_view(story).substr(start, end - start)) + "\n";
    start = end + 1;
  }
  body += "</pre><h2>Findings</h2><ul>";
  for (const Finding& finding : judged.findings) {
    body += "<li><b>" + html_escape(finding.id) + "</b> (" +
            std::string(to_string(finding.severity)) + "): " + html_escape(finding.message) +
            "<pre>" + html_escape(boost::json::serialize(finding.proof)) + "</pre></li>";
  }
  body += judged.findings.empty() ? "<li>none</li></ul>" : "</ul>";
  body += "<p>Compared with " +
          (judged.baseline.empty() ? std::string("nothing: first release")
                                   : html_escape(judged.baseline)) +
          ".</p>";
  return html_page(title, body);
}

std::string index_page(const Config&) {
  return html_page(
      "npm-gate",
      "<h1>npm-gate</h1><p>This is a package registry. Every release is inspected before it is "
      "served; "
      "what is refused is explained under <code>/-/npm-gate/releases/NAME/VERSION</code>.</p>");
}

}  // namespace npmgate

#include "app/report/diff_text.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "app/report/text_writer.h"
#include "base/json_members.h"
#include "base/text.h"

namespace npmgate {
namespace {

namespace json = boost::json;

Paint paint_of_sign(std::string_view sign) {
  if (sign == "+") return Paint::kGreen;
  return sign == "-" ? Paint::kRed : Paint::kPlain;
}

std::string padded_number(const json::value& number) {
  std::string shown = json::serialize(number);
  if (shown == "0") shown.clear();
  return std::string(5 - std::min<std::size_t>(5, shown.size()), ' ') + shown;
}

class DiffWriter {
 public:
  explicit DiffWriter(bool colour) : out_(colour, 0) {}

  void file(const json::object& file) {
    std::string head =
        shown_member(file, "change") + " " + printable(shown_member(file, "path"), 300);
    head += "  +" + shown_member(file, "added") + " -" + shown_member(file, "removed");
    if (shown_member(file, "on_install") == "true") head += "  (runs on install)";
    if (shown_member(file, "shown") == "readable") head += "  (minified: broken into lines)";
    out_.line();
    out_.line(out_.paint(Paint::kBold, head));
    for (const json::value& mark : list_member(file, "marks")) this->mark(mark.as_object());
    if (shown_member(file, "shown") == "binary") binary(file);
    if (shown_member(file, "shown") == "nothing")
      out_.line("  not shown: too large, or behind too many other changes");
    bool first = true;
    for (const json::value& hunk : list_member(file, "hunks")) {
      if (!first) out_.line(out_.paint(Paint::kDim, "      …"));
      first = false;
      for (const json::value& line : hunk.as_array()) this->line(line.as_array());
    }
    if (shown_member(file, "cut") == "true")
      out_.line(out_.paint(Paint::kDim, "  the rest is not shown"));
  }
  void noise(const std::string& names) {
    if (names.empty()) return;
    out_.line();
    out_.line("also changed: " + names);
  }
  void say(const std::string& sentence) { out_.line(sentence); }
  std::string take() { return out_.take(); }

 private:
  void mark(const json::object& mark) {
    const std::string line = shown_member(mark, "line");
    out_.line(out_.paint(Paint::kYellow, "  ! " + shown_member(mark, "finding") +
                                             (line == "0" ? "" : " line " + line) + ": " +
                                             printable(shown_member(mark, "message"), 300)));
  }
  void binary(const json::object& file) {
    const std::string kind = shown_member(file, "kind");
    out_.line("  binary" + (kind.empty() ? std::string() : ": " + kind) + ", " +
              shown_member(file, "before_size") + " to " + shown_member(file, "after_size") +
              " bytes");
    for (const json::value& each : list_member(file, "strings"))
      out_.line(out_.paint(Paint::kGreen, "  + " + printable(std::string(each.as_string()), 200)));
  }
  void line(const json::array& parts) {
    const std::string sign(parts.at(0).as_string());
    out_.line(padded_number(parts.at(1)) + " " + padded_number(parts.at(2)) + " " +
              out_.paint(paint_of_sign(sign), sign + std::string(parts.at(3).as_string())));
  }

  TextWriter out_;
};

}  // namespace

std::string diff_text(const json::object& diff, bool colour) {
  DiffWriter out(colour);
  if (const std::string error = shown_member(diff, "error"); !error.empty()) {
    out.say("No lines can be shown: " + printable(error, 400));
    return out.take();
  }
  std::string noise;
  for (const json::value& each : list_member(diff, "files")) {
    const json::object& file = each.as_object();
    const std::string why = shown_member(file, "noise");
    if (why.empty()) {
      out.file(file);
    } else {
      noise += (noise.empty() ? "" : ", ") + printable(shown_member(file, "path"), 200) + " (" +
               why + ")";
    }
  }
  if (list_member(diff, "files").empty()) out.say("No file changed.");
  out.noise(noise);
  return out.take();
}

}  // namespace npmgate

#include "proxy/admin/diff_view.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

namespace npmgate {
namespace {

namespace json = boost::json;

json::object report(std::initializer_list<const char*> paths, const char* on_install = "") {
  json::array files;
  for (const char* const path : paths) {
    files.push_back(json::object{{"path", path},
                                 {"on_install", std::string_view(path) == on_install},
                                 {"new_traits", json::array{}}});
  }
  return {{"diff", json::object{{"files", std::move(files)}}}};
}

FileDiff changed(std::string path, std::vector<std::string> removed,
                 std::vector<std::string> added) {
  FileDiff file;
  file.path = std::move(path);
  file.in_before = file.in_after = true;
  file.shown = Shown::kLines;
  Hunk hunk;
  for (std::string& line : removed)
    hunk.lines.push_back({LineKind::kRemoved, 1, 0, std::move(line)});
  for (std::string& line : added) hunk.lines.push_back({LineKind::kAdded, 0, 1, std::move(line)});
  file.lines.hunks.push_back(std::move(hunk));
  return file;
}

std::string noise(const FileDiff& file, const std::vector<Finding>& findings = {},
                  const char* on_install = "") {
  const json::object view = diff_view({{file}}, report({file.path.c_str()}, on_install), findings);
  return std::string(view.at("files").at(0).at("noise").as_string());
}

Finding finding(json::object proof) {
  Finding out;
  out.id = "capability-added";
  out.message = "reads secrets";
  out.proof = std::move(proof);
  return out;
}

TEST(DiffView, FilesThatFindingsNameComeFirst) {
  const std::vector<Finding> findings = {finding({{"files", json::array{"z.js"}}})};
  EXPECT_EQ(paths_to_show(report({"a.js", "m.js", "z.js"}), findings),
            (std::vector<std::string>{"z.js", "a.js", "m.js"}));
}

TEST(DiffView, MarksStandAtTheirFilesAndLines) {
  const std::vector<Finding> findings = {
      finding({{"where", json::array{json::object{{"file", "a.js"}, {"line", 7}}}}})};
  const json::object view = diff_view({{changed("a.js", {}, {"x"})}}, report({"a.js"}), findings);
  const json::value& mark = view.at("files").at(0).at("marks").at(0);
  EXPECT_EQ(mark.at("finding").as_string(), "capability-added");
  EXPECT_EQ(mark.at("line").to_number<int>(), 7);
}

TEST(DiffView, ABumpedVersionIsNoiseAndNothingElseInPackageJsonIs) {
  EXPECT_EQ(
      noise(changed("package.json", {"  \"version\": \"1.0.0\","}, {"  \"version\": \"1.0.1\","})),
      "only the version");
  EXPECT_EQ(noise(changed("package.json", {"  \"version\": \"1.0.0\","},
                          {"  \"version\": \"1.0.1\",", "  \"main\": \"x.js\","})),
            "");
  EXPECT_EQ(noise(changed("package.json", {"  \"version\": \"1.0.0\","},
                          {"  \"version\": \"1.0.1\", \"main\": \"x.js\","})),
            "");
  EXPECT_EQ(noise(changed("lib/package.json", {"  \"version\": \"1.0.0\","},
                          {"  \"version\": \"1.0.1\","})),
            "");
}

TEST(DiffView, DocumentsAreNoiseUnlessSomethingSpeaksAgainstIt) {
  const FileDiff readme = changed("README.md", {"a"}, {"b"});
  EXPECT_EQ(noise(readme), "document");
  EXPECT_EQ(noise(readme, {finding({{"file", "README.md"}})}), "");
  EXPECT_EQ(noise(readme, {}, "README.md"), "") << "a hook reaches it";
  EXPECT_EQ(noise(changed("lib/index.js", {"a"}, {"b"})), "");
}

TEST(DiffView, LinesAreVisible) {
  const json::object view =
      diff_view({{changed("a.js", {}, {"x\xE2\x80\x8By"})}}, report({"a.js"}), {});
  EXPECT_EQ(view.at("files").at(0).at("hunks").at(0).at(0).at(3).as_string(), "x\\u200by");
}

}  // namespace
}  // namespace npmgate

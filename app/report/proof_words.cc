#include "app/report/proof_words.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace npmgate {
namespace {

namespace json = boost::json;

std::string words_of(std::string_view key) {
  std::string words(key);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

bool is_flat(const json::value& value) {
  return !value.is_object() && !value.is_array();
}

std::string flat(const json::value& value);

// {"name": "x", "spec": "^1"} as "x, spec ^1"; the first member speaks for itself.
std::string flat(const json::object& object) {
  std::string text;
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (member.value().is_bool()) {
      text += (text.empty() ? "" : ", ") + std::string(member.value().get_bool() ? "" : "not ") +
              words_of(key);
    } else if (text.empty()) {
      text = is_flat(member.value()) ? flat(member.value())
                                     : words_of(key) + " " + flat(member.value());
    } else {
      text += ", " + words_of(key) + " " + flat(member.value());
    }
  }
  return text;
}

std::string flat(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_null()) return "nothing";
  if (value.is_object()) return flat(value.get_object());
  if (!value.is_array()) return json::serialize(value);
  std::string text;
  for (const json::value& item : value.get_array()) {
    text += (text.empty() ? "" : item.is_object() ? "; " : ", ") + flat(item);
  }
  return text.empty() ? "nothing" : text;
}

bool has_objects(const json::array& array) {
  return std::any_of(array.begin(), array.end(),
                     [](const json::value& item) { return item.is_object(); });
}

void add_items(std::string label, const json::array& array, std::size_t limit,
               std::vector<ProofLine>& lines) {
  lines.push_back({ProofLine::Kind::kFact, std::move(label), std::to_string(array.size())});
  for (std::size_t i = 0; i < array.size() && i < limit; ++i)
    lines.push_back({ProofLine::Kind::kItem, "", flat(array[i])});
  if (array.size() > limit)
    lines.push_back({ProofLine::Kind::kItem, "",
                     "… and " + std::to_string(array.size() - limit) + " more (--json has all)"});
}

}  // namespace

std::vector<ProofLine> proof_lines(const json::object& proof, std::size_t items) {
  std::vector<ProofLine> lines;
  for (const auto& member : proof) {
    const std::string key(member.key());
    const json::value& value = member.value();
    if (key == "before" || key == "after") {
      const auto kind = key == "before" ? ProofLine::Kind::kBefore : ProofLine::Kind::kAfter;
      lines.push_back({kind, key, flat(value)});
    } else if (value.is_array() && has_objects(value.get_array())) {
      add_items(words_of(key), value.get_array(), items, lines);
    } else {
      lines.push_back({ProofLine::Kind::kFact, words_of(key), flat(value)});
    }
  }
  return lines;
}

}  // namespace npmgate

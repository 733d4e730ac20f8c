// What operators make of known values.
#include <algorithm>
#include <cmath>
#include <utility>

#include "inspect/syntax/evaluator.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

double arithmetic(std::string_view op, double a, double b) {
  const auto bits = [](double x) {
    return std::isfinite(x) ? static_cast<std::int32_t>(
                                  static_cast<std::int64_t>(std::fmod(std::trunc(x), 4294967296.0)))
                            : 0;
  };
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "/") return a / b;
  if (op == "%") return std::fmod(a, b);
  if (op == "**") return std::pow(a, b);
  if (op == "^") return bits(a) ^ bits(b);
  if (op == "&") return bits(a) & bits(b);
  if (op == "|") return bits(a) | bits(b);
  if (op == "<<")
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(bits(a)) << (bits(b) & 31));
  if (op == ">>") return bits(a) >> (bits(b) & 31);
  if (op == ">>>") return static_cast<std::uint32_t>(bits(a)) >> (bits(b) & 31);
  return std::nan("");
}

// As JavaScript's Number(value); NaN if it is not known.
double to_number(const Value& value) {
  switch (value.kind) {
    case VK::kNumber:
    case VK::kBool:
      return value.number;
    case VK::kNull:
      return 0;
    case VK::kText:
      return value.text.empty() ? 0 : parse_number(value.text);
    case VK::kList:
      return value.size() == 0 ? 0 : std::nan("");
    default:
      return std::nan("");
  }
}

Value compared(std::string_view word, const Value& a, const Value& b) {
  const auto origins = static_cast<std::uint8_t>(a.origins | b.origins);
  const bool texts = a.is(VK::kText) && b.is(VK::kText) && is_whole(a.text) && is_whole(b.text);
  const bool numbers = a.is(VK::kNumber) && b.is(VK::kNumber);
  if (!texts && !numbers) return unknown(origins);
  const int order = texts                  ? a.text.compare(b.text)
                    : a.number < b.number  ? -1
                    : a.number == b.number ? 0
                                           : 1;
  if (word == "==" || word == "===") return bool_value(order == 0);
  if (word == "!=" || word == "!==") return bool_value(order != 0);
  if (word == "<") return bool_value(order < 0);
  if (word == "<=") return bool_value(order <= 0);
  if (word == ">") return bool_value(order > 0);
  if (word == ">=") return bool_value(order >= 0);
  return unknown(origins);
}

bool foldable(const Value& value) {
  return value.is(VK::kText) || value.is(VK::kNumber) || value.is(VK::kBool) ||
         value.is(VK::kNull) || value.is(VK::kUndefined) || value.is(VK::kList);
}

}  // namespace

Value Evaluator::fold_binary(NodeId id) {
  // Chains of + lean to the left, thousands deep.
  std::vector<NodeId> chain{id};
  for (;;) {
    const auto left = tree_.child(chain.back(), Field::kLeft);
    const auto op = tree_.child(chain.back(), Field::kOperator);
    if (left == kNoNode || op == kNoNode || tree_.text(op) != "+" ||
        tree_[left].kind != Kind::kBinary)
      break;
    const auto inner = tree_.child(left, Field::kOperator);
    if (inner == kNoNode || tree_.text(inner) != "+") break;
    chain.push_back(left);
  }
  const auto first = tree_.child(chain.back(), Field::kLeft);
  auto value = spelled(evaluate(first));
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    const auto op = tree_.child(*at, Field::kOperator);
    const auto word = op == kNoNode ? std::string_view() : tree_.text(op);
    auto right = evaluate(tree_.child(*at, Field::kRight));
    if (word == "+") right = spelled(std::move(right));
    const int truth = is_comparison(first) ? -1 : truth_of(value);
    const auto origins = static_cast<std::uint8_t>(value.origins | right.origins);
    if (word == "+") {
      const bool numbers = (value.is(VK::kNumber) || value.is(VK::kBool)) &&
                           (right.is(VK::kNumber) || right.is(VK::kBool));
      if (numbers)
        value = number_value(value.number + right.number);
      else if (!foldable(value) && !foldable(right) && !value.is(VK::kAny) && !right.is(VK::kAny) &&
               texts_of(value).empty() && texts_of(right).empty())
        value = unknown(origins);
      else
        value = concatenate(value, right);
    } else if (word == "||" || word == "??") {
      const bool open =
          !value.known() || (value.is(VK::kPath) && value.text.starts_with("process.env."));
      if (truth == 0 || ((open || is_comparison(first)) && right.known())) value = std::move(right);
    } else if (word == "&&") {
      if (truth != 0) value = std::move(right);
    } else if (word.find_first_of("=<>") != word.npos && word != "<<" && word != ">>" &&
               word != ">>>") {
      value = compared(word, value, right);
    } else {
      const double number = arithmetic(word, to_number(value), to_number(right));
      value = std::isnan(number) ? unknown(origins) : number_value(number);
      value.origins = origins;
    }
    value.origins |= origins;
  }
  return value;
}

// A comparison may hang on what is not seen here: it decides for no branch.
bool Evaluator::is_comparison(NodeId id) const {
  id = unwrapped(tree_, id);
  if (id == kNoNode || tree_[id].kind != Kind::kBinary) return false;
  const auto op = tree_.child(id, Field::kOperator);
  const auto word = op == kNoNode ? std::string_view() : tree_.text(op);
  return word.find_first_of("=<>") != word.npos && word != "<<" && word != ">>" && word != ">>>";
}

// Functions as the text that they are written in.
Value Evaluator::spelled(Value value) const {
  if (!value.is(VK::kFunction)) return value;
  return text_value(std::string(tree_.text(value.node)));
}

Value Evaluator::fold_unary(NodeId id) {
  const auto op = tree_.child(id, Field::kOperator);
  const auto value = evaluate(tree_.child(id, Field::kArgument));
  const auto word = op == kNoNode ? std::string_view() : tree_.text(op);
  if (word == "void") {
    Value nothing;
    nothing.kind = VK::kUndefined;
    return nothing;
  }
  if (word == "!") {
    const int truth = truth_of(value);
    return truth < 0 ? unknown() : bool_value(truth == 0);
  }
  if (word != "+" && word != "-" && word != "~") return unknown();
  double number = to_number(value);
  if (std::isnan(number)) return foldable(value) ? number_value(number) : unknown(value.origins);
  if (word == "-") number = -number;
  if (word == "~") number = -number - 1;
  auto out = number_value(number);
  out.origins = value.origins;
  return out;
}

Value Evaluator::fold_ternary(NodeId id) {
  const auto condition = tree_.child(id, Field::kCondition);
  const auto tested = evaluate(condition);
  const int truth = is_comparison(condition) ? -1 : truth_of(tested);
  const auto yes = tree_.child(id, Field::kConsequence), no = tree_.child(id, Field::kAlternative);
  if (truth >= 0) return evaluate(truth == 1 ? yes : no);
  return any_value({evaluate(yes), evaluate(no)});
}

}  // namespace npmgate::code

#include "base/result.h"

#include <stdexcept>

namespace npmgate {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kNotFound:
      return "not-found";
    case Code::kTimeout:
      return "timeout";
    case Code::kRefused:
      return "refused";
    case Code::kMalformed:
      return "malformed";
    case Code::kTooLarge:
      return "too-large";
    case Code::kIntegrityMismatch:
      return "integrity-mismatch";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::kUpstream:
      return "upstream";
    case Origin::kClient:
      return "client";
    case Origin::kDisk:
      return "disk";
    case Origin::kPolicy:
      return "policy";
    case Origin::kSelf:
      return "self";
  }
  return "self";
}

std::string to_string(const Error& error) {
  std::string text(to_string(error.code));
  text += " (";
  text += to_string(error.origin);
  text += ")";
  if (!error.context.empty()) {
    text += ": ";
    text += error.context;
  }
  return text;
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::logic_error("unchecked result at " + where.to_string() + ": " + to_string(error));
}

}  // namespace npmgate

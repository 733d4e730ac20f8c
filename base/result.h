// Errors as values. Expected failures travel as Result<T>; an exception means a bug or exhaustion
// and is caught only at the end of a session and at the offload boundary.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace npmgate {

enum class Code {
  kNotFound,
  kTimeout,
  kRefused,
  kMalformed,
  kTooLarge,
  kIntegrityMismatch,
  kUnavailable,
  kCorrupt,
  kInternal,
};

// Whose fault it is; decides the status a client sees.
enum class Origin { kUpstream, kClient, kDisk, kPolicy, kSelf };

struct Error {
  Code code = Code::kInternal;
  Origin origin = Origin::kSelf;
  std::string context;  // what, where, what to do; one line, no trailing full stop
  bool retry = false;   // the same call may succeed later without anyone changing anything

  friend bool operator==(const Error&, const Error&) = default;
};

std::string_view to_string(Code code);
std::string_view to_string(Origin origin);
// "unavailable (upstream): connect to 127.0.0.1:1: Connection refused"
std::string to_string(const Error& error);

// Found by boost::system::result::value() on an error: calling value() unchecked is a bug.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

inline Error fail(Code code, Origin origin, std::string context, bool retry = false) {
  return Error{code, origin, std::move(context), retry};
}

}  // namespace npmgate

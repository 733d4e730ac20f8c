// The lines that a release changed, for a terminal.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace npmgate {

// `diff` as the admin API gives it (proxy/admin/diff_view.h), or {"error": sentence}. Riskiest file
// first; files that can hardly matter are named in one line at the end. Everything in it is
// harmless for a terminal already.
std::string diff_text(const boost::json::object& diff, bool colour);

}  // namespace npmgate

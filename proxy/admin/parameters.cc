#include "proxy/admin/parameters.h"

#include <utility>

namespace npmgate {

Error bad_request(std::string what) {
  return fail(Code::kMalformed, Origin::kClient, std::move(what));
}

}  // namespace npmgate

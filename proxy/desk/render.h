// The frame of the desk's pages, which are templates over JSON models
// (proxy/registry/page_template.h).
#pragma once

#include <string>
#include <vector>

#include "proxy/registry/page_template.h"

namespace npmgate {

struct PageLink {
  std::string href, text;
};

struct Frame {
  std::string title, path;  // `path`: the page's own, which is marked in the navigation
  std::string actor, csrf;  // "" = nobody is signed in: no navigation
  std::string message;      // one line above the content; "" = none
  std::string next;  // "5": looked at again after seconds; "0;url=/desk": leads on; "" = none
};

// A whole page around a rendered `body`.
std::string framed(const Frame& frame, std::string body);

}  // namespace npmgate

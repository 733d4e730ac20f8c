// Hosts and IP addresses that a text names.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

// Collects hosts; lower case, bytes beyond ASCII as %XX, so that any of them can stand in JSON.
class HostSet {
 public:
  // `colon` is the offset of "://" (or ":\/\/") in the text. Adds the host if the scheme is one
  // of the network's and the host is not a name space identifier, this machine, or a placeholder.
  void add_url(std::string_view text, std::size_t colon);
  // A word that may be a host by itself: "collector.example". Ambiguous words (`user.info`) are not
  // hosts; "1.6.0.2" is an address if it has a port or is what something connects to, and else a
  // version or an object identifier.
  void add_bare(std::string_view word, bool connects = false);
  // Every word of a shell text that may be a host; addresses behind a program that connects.
  void add_words(std::string_view text);
  // Sorted, at most 64; addresses are kept before names if there are more.
  std::vector<std::string> take() &&;

 private:
  void add_host(std::string_view host);

  std::set<std::string, std::less<>> hosts_;
};

}  // namespace npmgate

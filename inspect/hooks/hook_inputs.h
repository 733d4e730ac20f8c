// What install hooks act on beside the files that they run: data, patches, settings, addresses.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/lexer.h"
#include "registry/manifest.h"

namespace npmgate {

// Literals of a script that can be a file's name: "binaries.json", "../data/x". The caller looks
// which of them exist. Linear time.
std::vector<std::string> data_names(const PlainCode& code);

// Adds every URL of the text whose scheme is one of the network's, in one spelling: runs of digits
// and long hexadecimal runs as '#', so that a new version or digest is no new address;
// "https://*" if what follows the scheme is made at run time.
void merge_urls(std::string_view text, std::set<std::string, std::less<>>& urls);
// Sorted; of more than 64 the first 63 and a digest of all.
std::vector<std::string> bounded(const std::set<std::string, std::less<>>& urls);
// The hosts behind "://" alone; sorted.
std::vector<std::string> url_hosts(std::string_view text);

// The lines that a patch adds.
std::string added_lines(std::string_view patch);

// The members of a package.json that package managers do not know, and those that builders and
// downloaders read ("binary", "config"), as compact JSON; longer than 4 KiB: their digest. Empty
// if it is no JSON object.
StringMap own_settings(std::string_view package_json);

// A source that a build of an addon compiles or includes, or a script of its build system.
bool is_build_source(std::string_view path);

}  // namespace npmgate

// From validated JSON elements to the values that judgement reads. Internal to registry/; includes
// simdjson.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/json_check.h"
#include "registry/manifest.h"

namespace npmgate::json {

// A tarball's package.json, or the same fields of a version manifest. In a packument npm acts on
// the dependency fields as well, so there they must be objects of strings too.
enum class Source { kPackageJson, kPackument };

// Fills `manifest`, also if something is refused. A field whose type nobody acts upon is left
// empty; refused are only shapes that clients read differently, and dependencies of a packument
// that would be installed outside of node_modules.
std::optional<JsonRefusal> extract_manifest(const Object& object, Source source,
                                            Manifest& manifest);
// Fills `release` (all but `published`) from a version manifest.
std::optional<JsonRefusal> extract_release(const Object& object, Release& release);

std::optional<std::string_view> as_string(const Element& element);
// A person as npm writes one: an object, or "Name <email> (url)".
Person as_person(const Element& element);
// An array of persons, or one alone. nullopt for other types.
std::optional<std::vector<Person>> as_persons(const Element& element);

}  // namespace npmgate::json

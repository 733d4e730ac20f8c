#include "judge/exact_pin.h"

#include "registry/semver.h"

namespace npmgate {

std::vector<ExactPin> exact_pins(const Manifest& manifest) {
  std::vector<ExactPin> pins;
  for (const StringMap* field : {&manifest.dependencies, &manifest.optional_dependencies}) {
    for (const auto& [name, range_text] : *field) {
      const auto range = Range::parse(range_text);
      if (const auto exact = range ? range->exact() : std::nullopt)
        pins.push_back({name, exact->str()});
    }
  }
  return pins;
}

}  // namespace npmgate

#include "tests/app/golden.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace npmgate::testing {
namespace {

std::string path_of(const std::string& file) {
  return NPM_GATE_SOURCE_DIR "/tests/app/golden/" + file;
}

}  // namespace

bool recording() {
  const char* value = std::getenv("NPM_GATE_RECORD");
  return value != nullptr && std::string(value) == "1";
}

std::string golden(const std::string& file) {
  std::ifstream in(path_of(file), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return in ? text.str() : "no file " + path_of(file);
}

void record(const std::string& file, const std::string& text) {
  std::ofstream(path_of(file), std::ios::binary) << text;
}

}  // namespace npmgate::testing

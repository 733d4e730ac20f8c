// The walk over one syntax tree that finds capabilities; read_code() is the way in.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/syntax/capabilities.h"
#include "inspect/syntax/evaluator.h"
#include "inspect/syntax/import_time.h"

namespace npmgate::code {

struct AnalysedText {
  std::string_view path;           // of its file, below the package root
  int depth = 0;                   // of constant text that is evaluated by constant text
  std::set<std::string> called{};  // as read_code() takes it
  bool on_import = true;           // the text runs when the file is loaded
  std::uint32_t line = 0;          // of the call that evaluates it; 0: its own lines count
};

// One walk. Not thread-safe; lives as long as it takes.
class Analysis {
 public:
  Analysis(const SyntaxTree& tree, std::string_view path, int depth,
           const std::set<std::string>& called, FileReading& out)
      : tree_(tree),
        path_(path),
        depth_(depth),
        scopes_(tree),
        eval_(tree, scopes_, path),
        import_time_(tree, scopes_, called),
        out_(out) {}

  void run(bool on_import, std::uint32_t line) {
    outer_import_ = on_import;
    outer_line_ = line;
    for (NodeId id = 0; id < tree_.nodes().size(); ++id) visit(id);
    if (eval_.exhausted()) out_.reading.unread = "too-complex";
  }

 private:
  void visit(NodeId id);
  void on_call(NodeId id, bool is_new);
  void on_callback(NodeId id);
  void on_export_call(NodeId id, const std::string& path);
  void on_path_call(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_sink(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_signs(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_last_code(NodeId id, const std::vector<Value>& given);
  void on_read_call(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_define(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_network(NodeId id, const std::vector<Value>& given);
  void on_dns(NodeId id, const std::vector<Value>& given);
  void on_process(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_command(NodeId id, const std::string& command);
  void on_evaluate(NodeId id, const Value& text);
  void on_worker(NodeId id, const std::vector<Value>& given);
  void on_timer(NodeId id, const std::vector<Value>& given);
  void on_write(NodeId id, const Value& target, std::string_view function);
  void on_read(NodeId id, const Value& target);
  void on_listing(NodeId id, const Value& target);
  void on_source(NodeId id, NodeId left);
  void on_page_text(NodeId id, NodeId left);
  void on_remove(NodeId id, const std::vector<Value>& given);
  void on_load(NodeId id, const Value& name);
  void on_unknown_load(NodeId id, const Value& name);
  void on_folder_load(const std::string& pattern);
  void on_run_file(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_members(NodeId id, const std::vector<Value>& given);
  void on_markup(NodeId id, const Value& text);
  void on_hidden_member(NodeId id, NodeId function);
  void note_concealed(NodeId id, std::string_view kind, const std::vector<Value>& given);
  void on_import(NodeId id);
  void on_assignment(NodeId id);
  void on_member(NodeId id);
  void on_identifier(NodeId id);
  void on_environment(NodeId id, const Value& value);
  void on_text(NodeId id);
  void on_pair(NodeId id);
  void note_path(NodeId id, const std::string& text);
  void note_own_file(const std::string& path, bool evaluated);
  void nested(NodeId id, const std::string& text);
  void add(std::string_view kind, NodeId id, std::string_view name, std::string_view text = {});

  const SyntaxTree& tree_;
  std::string path_;
  int depth_;
  Scopes scopes_;
  Evaluator eval_;
  ImportTime import_time_;
  FileReading& out_;
  bool outer_import_ = true;
  std::uint32_t outer_line_ = 0;
};

// Adds to `out`, unsorted. `tree` need not outlive the call.
void analyse(const SyntaxTree& tree, const AnalysedText& of, FileReading& out);

}  // namespace npmgate::code

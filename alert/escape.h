// Text of packages made harmless inside messages: nothing that a package, its publisher or a client
// wrote may format, link, mention or add a header.
#pragma once

#include <string>
#include <string_view>

namespace npmgate {

// One line, control and bidi characters made visible, at most `limit` bytes.
std::string one_line(std::string_view text, std::size_t limit = 300);
// Slack's mrkdwn: &, <, > as entities (links, mentions and channel calls start with '<'),
// formatting characters defused with a zero-width space.
std::string slack_escape(std::string_view text);
// CommonMark with HTML, as GitHub and Teams' cards render it: every ASCII punctuation character is
// escaped, '@' and '#' become entities so that nobody is notified and nothing is linked.
std::string markdown_escape(std::string_view text);
// A code span that `text` cannot end.
std::string code_span(std::string_view text);
// A fenced block that `text` cannot end; control characters but newlines made visible.
std::string code_block(std::string_view text, std::string_view language = {});
// A header field's value (RFC 5322): one line; anything but printable ASCII as RFC 2047 words.
std::string mail_header(std::string_view text);

}  // namespace npmgate

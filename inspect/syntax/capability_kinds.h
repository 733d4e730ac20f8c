// The kinds of things that code can do. Stable: they are stored in evidence and shown in proofs.
#pragma once

#include <string_view>

namespace npmgate {

inline constexpr std::string_view kNetwork = "network";  // name: host
inline constexpr std::string_view kDns = "dns";          // name: host
inline constexpr std::string_view kProcess = "process";  // name: program
inline constexpr std::string_view kProcessHidden =
    "process-hidden";                                             // detached, or piped to a shell
inline constexpr std::string_view kDynamicCode = "dynamic-code";  // name: where the text comes from
inline constexpr std::string_view kNativeCode = "native-code";    // name: file or interface
inline constexpr std::string_view kOutsideWrite = "outside-write";  // name: path
inline constexpr std::string_view kSecrets = "secrets";             // name: file or variable
inline constexpr std::string_view kEnvironment = "environment";     // all of it
inline constexpr std::string_view kPatching = "global-patching";    // name: what is replaced
inline constexpr std::string_view kPersist = "persistence";         // name: file or command
inline constexpr std::string_view kAutorun = "agent-autorun";       // name: file
inline constexpr std::string_view kAgentCommand = "agent-command";  // name: program
inline constexpr std::string_view kPublish = "package-publish";     // name: command
inline constexpr std::string_view kDestroy = "destruction";         // name: path or command
inline constexpr std::string_view kSpying = "spying";               // keys, screen, clipboard
inline constexpr std::string_view kMining = "mining";
inline constexpr std::string_view kTimer = "far-timer";  // name: hours
inline constexpr std::string_view kTrigger = "trigger";  // name: what it waits for or looks for
// The argument of a call that reaches out was decoded by the code; name: which kind of call.
inline constexpr std::string_view kConcealed = "concealed-argument";
inline constexpr std::string_view kMail = "mail-copy";            // name: address
inline constexpr std::string_view kMachine = "machine-identity";  // host name, account, addresses
inline constexpr std::string_view kUnread = "unread";             // name: why no parser read it
inline constexpr std::string_view kDisguise = "disguised-file";   // name: path

inline constexpr std::string_view kCapabilityKinds[] = {
    kAgentCommand, kAutorun,  kDestroy, kDns,     kDynamicCode,   kEnvironment,
    kTimer,        kPatching, kMail,    kMining,  kNativeCode,    kNetwork,
    kOutsideWrite, kPublish,  kPersist, kProcess, kProcessHidden, kSecrets,
    kSpying,       kDisguise, kUnread,  kMachine, kTrigger,       kConcealed};

}  // namespace npmgate

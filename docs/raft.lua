-- raft.lua - the Raft messages of Echo to Raft in Wireshark and tshark.
--
-- Use:      tshark -X lua_script:docs/raft.lua -r capture.pcap -V
-- Install:  copy it to the folder that Help > About > Folders calls "Personal Lua Plugins".
--
-- Connections are found by what the first bytes of a segment look like.  Where that fails (the
-- capture starts in the middle of a message, or Wireshark knows another use of the port), name the
-- ports: -o raft.ports:7001-7003, or Decode As.  The data of an entry is shown by Wireshark's own
-- dissector of RESP.
--
-- Made by grader/wire/dissector.py from the table of the format: change that, not this.

local LARGEST_PAYLOAD = 16777216

-- Name and type.  All integers are little-endian, and nothing is padded.
local HEADER = {
    {"type", "uint32"}, -- type: which message this is
    {"payload_size", "uint32"}, -- bytes: that follow this header
}
local ENTRY = { -- and then so many bytes of data
    {"term", "int32"}, -- term: in which the entry was made
    {"length", "uint32"}, -- bytes: of the data, which may be none
}
local MESSAGES = {
    [1] = {
        title = "RequestVote request", size = 16, entries = false,
        fields = {
            {"term", "int32"}, -- term: the candidate's
            {"candidate_id", "int32"}, -- id: who asks
            {"last_log_index", "int32"}, -- index: of the candidate's last entry, 0 if none
            {"last_log_term", "int32"}, -- term: of the candidate's last entry, 0 if none
        },
    },
    [2] = {
        title = "RequestVote response", size = 5, entries = false,
        fields = {
            {"term", "int32"}, -- term: the voter's
            {"vote_granted", "uint8"}, -- flag: 1 if the candidate has this vote
        },
    },
    [3] = {
        title = "AppendEntries request", size = 28, entries = true,
        fields = {
            {"term", "int32"}, -- term: the leader's
            {"leader_id", "int32"}, -- id: who sends
            {"prev_log_index", "int32"}, -- index: of the entry just before the new ones
            {"prev_log_term", "int32"}, -- term: of the entry just before the new ones
            {"leader_commit", "int32"}, -- index: up to which the leader has committed
            {"seq", "uint32"}, -- number: of this request; the reply's ack returns it
            {"entry_count", "uint32"}, -- count: of the entries that follow
        },
    },
    [4] = {
        title = "AppendEntries response", size = 21, entries = false,
        fields = {
            {"term", "int32"}, -- term: the follower's
            {"follower_id", "int32"}, -- id: who answers
            {"log_index", "int32"}, -- index: on success what is known to match, else a hint
            {"success", "uint8"}, -- flag: 1 if the log matched at prev_log_index
            {"follower_commit", "int32"}, -- index: up to which the follower has committed
            {"ack", "uint32"}, -- number: the seq of the request that this answers
        },
    },
}

local raft = Proto("raft", "Raft messages")
local FIELDS, SIZES = {}, {int32 = 4, uint32 = 4, uint8 = 1}

local titles = {}
for number, message in pairs(MESSAGES) do
    titles[number] = message.title
end

-- A field of Wireshark for each field of the table: raft.term, raft.entry.term and so on.
local function declare(list, prefix)
    for _, field in ipairs(list) do
        local key = prefix .. field[1]
        if not FIELDS[key] then
            local names = key == "type" and titles or nil
            FIELDS[key] = ProtoField[field[2]]("raft." .. key, field[1], base.DEC, names)
        end
    end
end

declare(HEADER, "")
declare(ENTRY, "entry.")
for _, message in pairs(MESSAGES) do
    declare(message.fields, "")
end
FIELDS["entry"] = ProtoField.none("raft.entry", "entry")
FIELDS["entry.data"] = ProtoField.bytes("raft.entry.data", "data")
FIELDS["payload"] = ProtoField.bytes("raft.payload", "payload")

local all = {}
for _, field in pairs(FIELDS) do
    all[#all + 1] = field
end
raft.fields = all

local malformed = ProtoExpert.new("raft.malformed", "Malformed message",
                                  expert.group.MALFORMED, expert.severity.ERROR)
raft.experts = {malformed}

-- Wireshark gives its RESP dissector no name, but a port: that of Redis.
local resp = DissectorTable.get("tcp.port"):get_dissector(6379)

-- Adds the fields of a list at an offset.  Returns the offset behind them, and the last value.
local function add_fields(tvb, tree, list, prefix, offset)
    local value
    for _, field in ipairs(list) do
        local range = tvb(offset, SIZES[field[2]])
        local item = tree:add_le(FIELDS[prefix .. field[1]], range)
        value = field[2] == "int32" and range:le_int() or range:le_uint()
        if field[2] == "int32" and value < 0 then
            item:add_proto_expert_info(malformed, field[1] .. " is negative")
        elseif field[2] == "uint8" and value > 1 then
            item:add_proto_expert_info(malformed, field[1] .. " is neither 0 nor 1")
        end
        offset = offset + range:len()
    end
    return offset, value
end

-- The data of an entry: a client's request, which Wireshark can show itself.
local function add_data(tvb, pinfo, tree, offset, size)
    tree:add(FIELDS["entry.data"], tvb(offset, size))
    if not resp or tvb(offset, 1):uint() ~= 0x2a then
        return
    end
    local protocol, info = tostring(pinfo.cols.protocol), tostring(pinfo.cols.info)
    pcall(function() resp:call(tvb(offset, size):tvb(), pinfo, tree) end)
    pinfo.cols.protocol, pinfo.cols.info = protocol, info
end

local function add_entry(tvb, pinfo, tree, offset, number)
    local start = offset
    if tvb:len() - offset < 8 then
        tree:add_proto_expert_info(malformed, "entry " .. number .. " is missing")
        return tvb:len(), false
    end
    local branch = tree:add(FIELDS["entry"], tvb(offset, 8))
    local size
    offset, size = add_fields(tvb, branch, ENTRY, "entry.", offset)
    if size > tvb:len() - offset then
        branch:add_proto_expert_info(malformed, "the entry runs past the payload")
        return tvb:len(), false
    end
    branch:set_text("entry " .. number .. ": term " .. tvb(start, 4):le_int() .. ", " .. size ..
                    " bytes")
    branch:set_len(8 + size)
    if size > 0 then
        add_data(tvb, pinfo, branch, offset, size)
    end
    return offset + size, true
end

local function summary(tvb, message)
    local words, offset = {}, 8
    for _, field in ipairs(message.fields) do
        local range = tvb(offset, SIZES[field[2]])
        words[#words + 1] = field[1] .. "=" ..
                            (field[2] == "int32" and range:le_int() or range:le_uint())
        offset = offset + range:len()
    end
    return message.title .. " " .. table.concat(words, " ")
end

-- Whether a header can be one.
local function is_header(tvb)
    local message = MESSAGES[tvb(0, 4):le_uint()]
    local size = tvb(4, 4):le_uint()
    if not message or size > LARGEST_PAYLOAD then
        return false
    end
    return size == message.size or (message.entries and size >= message.size)
end

local function show_payload(tvb, pinfo, tree, message)
    local offset, count = add_fields(tvb, tree, message.fields, "", 8)
    local number, whole = 1, true
    while message.entries and whole and number <= count do
        offset, whole = add_entry(tvb, pinfo, tree, offset, number)
        number = number + 1
    end
    if offset < tvb:len() then
        tree:add_proto_expert_info(malformed, (tvb:len() - offset) .. " bytes after the last entry")
    end
end

local first = true -- of the messages in this segment

local function show_message(tvb, pinfo, tree)
    local branch = tree:add(raft, tvb())
    local message = MESSAGES[tvb(0, 4):le_uint()]
    local info = "malformed message"
    add_fields(tvb, branch, HEADER, "", 0)
    if message and is_header(tvb) then
        info = summary(tvb, message)
        branch:append_text(", " .. message.title)
    end
    pinfo.cols.protocol = "Raft"
    if first then
        pinfo.cols.info = info
    else
        pinfo.cols.info:append(" | " .. info)
    end
    first = false
    if message and is_header(tvb) then
        show_payload(tvb, pinfo, branch, message)
    else
        branch:add_proto_expert_info(malformed, "no such type, or no such size")
        if tvb:len() > 8 then
            branch:add(FIELDS["payload"], tvb(8))
        end
    end
    return tvb:len()
end

-- How long the message is whose first 8 bytes are there.
local function message_size(tvb, pinfo, offset)
    local size = tvb(offset + 4, 4):le_uint()
    return 8 + math.min(size, LARGEST_PAYLOAD)
end

local function dissect(tvb, pinfo, tree)
    first = true
    dissect_tcp_pdus(tvb, tree, 8, message_size, show_message)
    return tvb:len()
end

raft.dissector = dissect

-- Calls dissect itself: raft.dissector would count as another layer, which may not put segments
-- together.
raft:register_heuristic("tcp", function(tvb, pinfo, tree)
    if tvb:len() < 8 or not is_header(tvb) then
        return false
    end
    pinfo.conversation = raft
    dissect(tvb, pinfo, tree)
    return true
end)

raft.prefs.ports = Pref.range("TCP ports", "", "Ports on which every byte is Raft", 65535)

local ports = ""

function raft.prefs_changed()
    local tcp = DissectorTable.get("tcp.port")
    if ports ~= "" then
        tcp:remove(ports, raft)
    end
    ports = raft.prefs.ports
    if ports ~= "" then
        tcp:add(ports, raft)
    end
end

DissectorTable.get("tcp.port"):add_for_decode_as(raft)

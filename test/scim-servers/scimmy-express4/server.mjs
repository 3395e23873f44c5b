import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";
import { runScimmy } from "../scimmy.mjs";

await runScimmy({ SCIMMY, SCIMMYRouters, express });

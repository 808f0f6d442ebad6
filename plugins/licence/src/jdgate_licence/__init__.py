"""Driving licences and drug decisions: rules, files and texts as a jdgate plugin."""
